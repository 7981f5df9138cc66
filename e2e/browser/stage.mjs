// A real Chromium before the real servers. What goes wrong in a page unasked fails the scenario.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { advanceServers } from "./control.mjs";

/** No more than what containers, machines without a screen, and closed networks need; and no window but those asked for. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-startup-window",
];
/** For machines with much else to do. */
const PATIENCE = { scenario: 120_000, step: 30_000 };

/**
 * A test with a browser of its own.
 *
 * @param {RegExp[]} expected errors that belong to the scenario. A page's errors look like `console: TEXT (URL)`,
 *   `exception: TEXT`, `failed: POST URL (net::ERR_…)`.
 * @param play gets the {@link Stage}
 */
export function scenario(name, expected, play) {
  test(name, { timeout: PATIENCE.scenario }, async (t) => {
    const stage = new Stage();
    t.after(() => stage.close());
    await stage.open();
    try {
      await play(stage);
    } catch (error) {
      for (const text of stage.errors) t.diagnostic(`in the browser: ${text}`);
      throw error;
    }
    const unexpected = stage.errors.filter((text) => !expected.some((pattern) => pattern.test(text)));
    assert.deepEqual(unexpected, [], "nothing goes wrong in a page but what belongs to the scenario");
  });
}

class Stage {
  /** What went wrong in any page, in order. */
  errors = [];

  async open() {
    this.profile = await mkdtemp(join(tmpdir(), "chromium-"));
    this.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      ignoreDefaultArgs: true,
      args: [...FLAGS, "--remote-debugging-pipe", `--user-data-dir=${this.profile}`],
    });
    this.person = await this.somebody();
  }

  /** A browser window of somebody with cookies, storage and settings of their own, at the servers' time. */
  async somebody(settings = {}) {
    const context = await this.browser.newContext({ reducedMotion: "reduce", ...settings });
    context.setDefaultTimeout(PATIENCE.step);
    await context.clock.install({ time: await advanceServers(0) });
    context.on("page", (page) => this.#listen(page));
    return context;
  }

  /** A new tab at this address, of the person on stage or of somebody else. */
  async tab(url, somebody = this.person) {
    const page = await somebody.newPage();
    await page.goto(url);
    return page;
  }

  /** Moves time: first that of the servers, since in a page timers go off. */
  async advance(seconds) {
    await advanceServers(seconds);
    for (const context of this.browser.contexts()) await context.clock.fastForward(seconds * 1000);
  }

  async close() {
    await this.browser?.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #listen(page) {
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.errors.push(`exception: ${error.message}`));
    page.on("requestfailed", (request) => {
      this.errors.push(`failed: ${request.method()} ${request.url()} (${request.failure().errorText})`);
    });
  }
}
