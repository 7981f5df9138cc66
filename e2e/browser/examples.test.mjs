// Builds the example applications in web/examples with Vite and opens them as pages of an origin of their own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  advanceServers, allow, ann, apiUrl, authUrl, post, refreshes, refreshPath, refuse, waitFor,
} from "./control.mjs";
import { scenario } from "./scenario.mjs";

/** Another origin than those of the servers, as with Vite's development server. Both servers allow it. */
const ORIGIN = process.env.PAGE_URL;
const EXAMPLES = new URL("../../web/examples/", import.meta.url);
const TYPES = { html: "text/html", js: "text/javascript", css: "text/css" };

/**
 * The errors that Chromium reports: for an outage, whose 503 allows no origin, for a pending refresh whose timeout
 * `advance` ends, for tokens and sessions that ended, and for a short password.
 */
const expected = [
  /\/auth\/refresh' from origin .* CORS policy/,
  /\/auth\/refresh \(net::ERR_(FAILED|ABORTED)\)/,
  /net::ERR_FAILED \(.*\/auth\/refresh\)/,
  /status of 422 \(Unprocessable Entity\) \(.*\/auth\/register\)/,
  /status of 401 \(Unauthorized\) \(.*\/(protected|auth\/refresh|auth\/login)\)/,
];

/** React's StrictMode runs effects twice, but only in development. */
const MODES = { react: "development", vue: "production", svelte: "production" };

for (const [name, mode] of Object.entries(MODES)) {
  scenario(`the example in ${name} signs in, calls, renews, follows another tab, and signs out`, expected, async (browser) => {
    const folder = await mkdtemp(join(tmpdir(), `example-${name}-`));
    await build(name, mode, folder);
    const server = createServer((request, response) => serve(folder, request.url, response));
    server.listen(new URL(ORIGIN).port, "localhost");
    try {
      await play(browser, { ...ann, email: `${name}@example.org` });
    } finally {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true });
    }
  });
}

async function build(name, mode, outDir) {
  const variables = { VITE_AUTH_URL: authUrl, VITE_API_URL: apiUrl, NODE_ENV: mode };
  const vite = new URL("node_modules/vite/bin/vite.js", EXAMPLES).pathname;
  const options = { cwd: new URL(name, EXAMPLES), env: { ...process.env, ...variables } };
  await promisify(execFile)(process.execPath, [vite, "build", "--mode", mode, "--outDir", outDir], options);
}

async function serve(folder, path, response) {
  const file = path === "/" ? "/index.html" : path;
  response.writeHead(200, { "Content-Type": TYPES[file.split(".").pop()] });
  response.end(await readFile(join(folder, file)));
}

async function play(browser, user) {
  const before = (await refreshes()).length;
  const newRefreshes = async () => (await refreshes()).slice(before);
  const page = await browser.newTab(ORIGIN);
  await submit(page, { ...user, password: "short" }, "Create account");
  await page.getByText("password must be at least 9 characters long").waitFor();
  await submit(page, user, "Create account");
  await showsUser(page, user);
  await page.getByText("You are not an administrator.").waitFor();
  await callApi(page, "Hello there");
  assert.deepEqual(await newRefreshes(), []);

  // A reload restores the session, and a visible page renews by itself.
  await page.reload();
  await showsUser(page, user);
  assert.deepEqual(await newRefreshes(), ["200 passed"], "once, even if effects run twice");
  await browser.advance(55);
  await waitFor("the page has renewed", async () => (await newRefreshes()).length === 2);
  await callApi(page, "Hello there");
  assert.deepEqual(await newRefreshes(), ["200 passed", "200 passed"]);

  // While the machine sleeps, the page's clock stands still, and the token expires.
  await advanceServers(70);
  await callApi(page, "Hello there");

  // An outage does not sign out, and the page recovers by itself.
  await refuse(refreshPath);
  await browser.advance(70);
  await page.getByText("You stay signed in.").waitFor();
  await showsUser(page, user);
  await allow(refreshPath);
  await browser.advance(60);
  await page.getByText("You stay signed in.").waitFor({ state: "hidden" });

  // Each tab follows the other.
  const tab = await browser.newTab(ORIGIN);
  await showsUser(tab, user);
  await tab.getByRole("button", { name: "Sign out" }).click();
  for (const each of [page, tab]) await each.getByRole("button", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByRole("alert").innerText(), "", "the user signed out, so there is no reason");
  await submit(page, { ...user, password: "a wrong password" }, "Sign in");
  await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  await submit(page, user, "Sign in");
  for (const each of [page, tab]) await showsUser(each, user);

  // A session that ends elsewhere shows its reason in both tabs.
  const { email, password } = user;
  const other = await post("/auth/login", { email, password, token_delivery: "body" });
  await post("/auth/logout-all", undefined, other.refresh_token);
  await browser.advance(60);
  for (const each of [page, tab]) await each.getByText(/Your session has ended \(\w+\)\./).waitFor();
}

const showsUser = (page, { email }) => page.getByText(`Signed in as ${email}`).waitFor();

async function submit(page, { email, password }, button) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: button }).click();
}

async function callApi(page, message) {
  await page.getByRole("button", { name: "Call the API" }).click();
  await page.locator("output", { hasText: message }).waitFor();
}
