// Measures how fast the pages appear, for scripts/page-speed.sh. Prints a table in Markdown, with medians of several visits
// without a cache. Exits with 1 if a page exceeds a limit.
import { readFile } from "node:fs/promises";
import { authUrl } from "./control.mjs";
import { observeShifts } from "./layout_shift.mjs";
import { TestBrowser } from "./scenario.mjs";

const MAX_PAINT_MS = 200;
const MAX_SHIFT = 0.05;
const WIDTHS = [390, 1280];
const PAGES = ["/login", "/register", "/forgot", "/account", "/admin/", "/demo/", "/docs", "/docs/errors"];
/** Pages of signed-in users, and what they show once they have loaded. */
const LOADED = { "/account": "#view", "/admin/": ".tile" };
const runs = Number(process.env.RUNS);
const { admin_email: email, admin_password: password } = JSON.parse(await readFile(process.env.STACK_FILE, "utf8"));

const browser = new TestBrowser();
const rows = [];
try {
  await browser.start();
  for (const path of PAGES) rows.push(await measure(path));
} finally {
  await browser.close();
}
console.log("| page | files | kB, compressed | first paint, 390 and 1280 pixels | largest contentful paint | layout shift |\n|---|---|---|---|---|---|");
for (const { path, files, bytes, first, largest, shift } of rows) {
  console.log(`| \`${path}\` | ${files} | ${Math.round(bytes / 1000)} | ${first.join(", ")} ms | ${largest.join(", ")} ms | ${shift.toFixed(3)} |`);
}
const slow = rows.filter(({ first, shift }) => Math.max(...first) > MAX_PAINT_MS || shift > MAX_SHIFT);
for (const { path } of slow) console.error(`${path}: over ${MAX_PAINT_MS} ms or a shift of ${MAX_SHIFT}`);
process.exitCode = slow.length ? 1 : 0;

async function measure(path) {
  const row = { path, first: [], largest: [], shift: 0 };
  for (const width of WIDTHS) {
    // Without the clock of the tests, which replaces `performance`.
    const context = await browser.chromium.newContext({ viewport: { width, height: 844 } });
    await observeShifts(context);
    await context.addInitScript(observePaints);
    if (path in LOADED) await signIn(context);
    // The first visit starts the process of the page.
    await visit(context, path);
    const visits = [];
    for (let run = 0; run < runs; run += 1) visits.push(await visit(context, path));
    const middle = (name) => median(visits.map((one) => one[name]));
    row.first.push(Math.round(middle("first")));
    row.largest.push(Math.round(middle("largest")));
    row.shift = Math.max(row.shift, ...visits.map(({ shift }) => shift));
    [row.files, row.bytes] = [middle("files"), middle("bytes")];
    await context.close();
  }
  return row;
}

async function signIn(context) {
  const response = await context.request.post(`${authUrl}/auth/login`, { data: { email, password } });
  if (!response.ok()) throw new Error(`login: ${response.status()}`);
}

async function visit(context, path) {
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.clearBrowserCache");
  const requests = [];
  page.on("requestfinished", (request) => requests.push(request.sizes()));
  await page.goto(authUrl + path, { waitUntil: "load" });
  if (path in LOADED) await page.locator(LOADED[path]).first().waitFor();
  await page.waitForTimeout(500);
  const sizes = await Promise.all(requests);
  const bytes = sizes.reduce((sum, { responseBodySize, responseHeadersSize }) => sum + responseBodySize + responseHeadersSize, 0);
  const { first, largest, sum } = await page.evaluate(() => ({ ...paints, sum: shifts.sum }));
  await page.close();
  return { first, largest, shift: sum, bytes, files: sizes.length };
}

function observePaints() {
  globalThis.paints = {};
  new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries()) if (name === "first-contentful-paint") paints.first = startTime;
  }).observe({ type: "paint", buffered: true });
  new PerformanceObserver((list) => (paints.largest = list.getEntries().at(-1).startTime)).observe({
    type: "largest-contentful-paint",
    buffered: true,
  });
}

function median(values) {
  return values.sort((one, other) => one - other)[Math.floor(values.length / 2)];
}
