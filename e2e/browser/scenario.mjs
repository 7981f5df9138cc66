// Runs Chromium against the real servers. Unexpected errors in a page fail the scenario.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { advanceServers, serverTime } from "./control.mjs";

/** For containers, machines without a display and networks without internet access. Opens no window by itself. */
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
  // The suggestions below the address bar are pages, too, and no test shows them.
  "--disable-features=WebUIOmniboxAimPopup,WebUIOmniboxPopup,PreloadTopChromeWebUI",
];
/** Long enough for a busy machine. */
const TIMEOUT_MS = { scenario: 120_000, step: 30_000 };

/**
 * A test with its own browser.
 *
 * @param {RegExp[]} expected errors that belong to the scenario. A page's errors look like `console: TEXT (URL)`,
 *   `exception: TEXT`, `failed: POST URL (net::ERR_…)`.
 * @param run receives the {@link TestBrowser}
 * @param [options.preferences] settings of Chromium, as in its file `Preferences`
 */
export function scenario(name, expected, run, { preferences } = {}) {
  test(name, { timeout: TIMEOUT_MS.scenario }, async (t) => {
    const browser = await launchFor(t, preferences);
    await runIn(t, browser, expected, run);
  });
}

/**
 * Tests that share a browser, each with contexts of its own.
 *
 * @param {Record<string, (browser: TestBrowser) => Promise<unknown>>} runs by name
 */
export function scenarios(title, expected, runs) {
  test(title, async (t) => {
    const browser = await launchFor(t);
    for (const [name, run] of Object.entries(runs)) {
      await t.test(name, { timeout: TIMEOUT_MS.scenario }, async (t) => {
        browser.errors.length = 0;
        await runIn(t, browser, expected, run);
        for (const context of browser.chromium.contexts()) await context.close();
      });
    }
  });
}

async function launchFor(t, preferences) {
  const browser = new TestBrowser();
  t.after(() => browser.close());
  await browser.launch(preferences);
  return browser;
}

async function runIn(t, browser, expected, run) {
  try {
    await run(browser);
  } catch (error) {
    for (const text of browser.errors) t.diagnostic(`in the browser: ${text}`);
    throw error;
  }
  const unexpected = browser.errors.filter((text) => !expected.some((pattern) => pattern.test(text)));
  assert.deepEqual(unexpected, [], "no unexpected errors in the pages");
}

export class TestBrowser {
  /** The errors of all pages, in order. */
  errors = [];

  /** Starts Chromium and opens the default context, in which tabs open unless another context is given. */
  async launch(preferences = {}) {
    this.profile = await mkdtemp(join(tmpdir(), "chromium-"));
    await mkdir(join(this.profile, "Default"));
    await writeFile(join(this.profile, "Default", "Preferences"), JSON.stringify(preferences));
    this.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      ignoreDefaultArgs: true,
      args: [...FLAGS, "--remote-debugging-pipe", `--user-data-dir=${this.profile}`],
    });
    this.context = await this.newContext();
  }

  /** Opens a context with its own cookies, storage and settings. Its clock shows the servers' time. */
  async newContext(settings = {}) {
    const context = await this.chromium.newContext({ reducedMotion: "reduce", ...settings });
    context.setDefaultTimeout(TIMEOUT_MS.step);
    await context.clock.install({ time: await serverTime() });
    context.on("page", (page) => this.#recordErrors(page));
    return context;
  }

  async newTab(url, context = this.context) {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  /** Advances the clocks: the servers' first, because timers in the pages fire immediately. */
  async advance(seconds) {
    await advanceServers(seconds);
    for (const context of this.chromium.contexts()) await context.clock.fastForward(seconds * 1000);
  }

  async close() {
    await this.chromium?.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #recordErrors(page) {
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.errors.push(`exception: ${error.message}`));
    page.on("requestfailed", (request) => {
      this.errors.push(`failed: ${request.method()} ${request.url()} (${request.failure().errorText})`);
    });
  }
}
