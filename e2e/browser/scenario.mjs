// Runs Chromium against the real servers. Unexpected errors in a page fail the scenario.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chromium } from "playwright-core";
import { advanceServers, PATIENCE_MS, serverTime } from "./control.mjs";

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
  // Extensions, and a separate process for drawing, take processor time that no test needs.
  "--disable-extensions",
  "--in-process-gpu",
  // Otherwise the browser slows down the tabs that it takes for hidden, and stops drawing them.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  // The suggestions below the address bar are pages, too, and no test shows them. A spare process for the next page is
  // rarely used.
  "--disable-features=WebUIOmniboxAimPopup,WebUIOmniboxPopup,PreloadTopChromeWebUI,SpareRendererForSitePerProcess",
];
const SCENARIO_TIMEOUT_MS = 6 * PATIENCE_MS;

/** The browser that the scenarios of a file share. Each has contexts, cookies and storage of its own. */
let shared;
after(() => shared?.close());

/**
 * @param {RegExp[]} expected errors that belong to the scenario. A page's errors look like `console: TEXT (URL)`,
 *   `exception: TEXT`, `failed: POST URL (net::ERR_…)`.
 * @param {(browser: TestBrowser) => Promise<unknown>} run
 * @param [options.preferences] settings of Chromium, as in its file `Preferences`. They require a browser of its own.
 */
export function scenario(name, expected, run, { preferences } = {}) {
  test(name, { timeout: SCENARIO_TIMEOUT_MS }, async (t) => {
    const browser = preferences ? new TestBrowser() : (shared ??= new TestBrowser());
    await browser.start(preferences);
    try {
      await runIn(t, browser, expected, run);
    } finally {
      await (preferences ? browser.close() : browser.closeContexts());
    }
  });
}

async function runIn(t, browser, expected, run) {
  try {
    await run(browser);
  } catch (error) {
    for (const text of await browser.describe()) t.diagnostic(text);
    throw error;
  }
  const unexpected = browser.errors.filter((text) => !expected.some((pattern) => pattern.test(text)));
  assert.deepEqual(unexpected, [], "no unexpected errors in the pages");
}

export class TestBrowser {
  /** The errors of all pages, in order. */
  errors = [];
  /** The requests without a response. */
  #pending = new Set();

  /** Starts Chromium if necessary, and opens the default context, in which tabs open unless another context is given. */
  async start(preferences) {
    if (!this.chromium) await this.#launch(preferences);
    this.context = await this.newContext();
  }

  async #launch(preferences = {}) {
    this.profile = await mkdtemp(join(tmpdir(), "chromium-"));
    await mkdir(join(this.profile, "Default"));
    await writeFile(join(this.profile, "Default", "Preferences"), JSON.stringify(preferences));
    this.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      ignoreDefaultArgs: true,
      args: [...FLAGS, "--remote-debugging-pipe", `--user-data-dir=${this.profile}`],
    });
  }

  /** Opens a context with its own cookies, storage and settings. Its clock shows the servers' time. */
  async newContext(settings = {}) {
    const context = await this.chromium.newContext({ reducedMotion: "reduce", ...settings });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.clock.install({ time: await serverTime() });
    context.on("page", (page) => this.#recordErrors(page));
    return context;
  }

  async newTab(url, context = this.context) {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  /** What each page shows and waits for, and the errors, to find out why a scenario failed. */
  async describe() {
    const pages = this.chromium.contexts().flatMap((context) => context.pages());
    const shown = pages.map(async (page) => {
      const text = await page.locator("body").innerText({ timeout: 5_000 }).catch(({ message }) => message);
      return `${page.url()} shows: ${text.replaceAll(/\s+/g, " ").slice(0, 600)}`;
    });
    const pending = [...this.#pending].map((request) => `no response: ${request.method()} ${request.url()}`);
    return [...(await Promise.all(shown)), ...pending, ...this.errors.map((text) => `in the browser: ${text}`)];
  }

  /** Advances the clocks: the servers' first, because timers in the pages fire immediately. */
  async advance(seconds) {
    await advanceServers(seconds);
    for (const context of this.chromium.contexts()) await context.clock.fastForward(seconds * 1000);
  }

  async closeContexts() {
    for (const context of this.chromium.contexts()) await context.close();
    this.errors.length = 0;
    this.#pending.clear();
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
    page.on("request", (request) => this.#pending.add(request));
    page.on("requestfinished", (request) => this.#pending.delete(request));
    page.on("requestfailed", (request) => {
      this.#pending.delete(request);
      this.errors.push(`failed: ${request.method()} ${request.url()} (${request.failure().errorText})`);
    });
  }
}
