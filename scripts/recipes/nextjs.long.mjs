// Builds the Next.js application of the recipe, and opens it in Chromium.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { TestBrowser } from "../../e2e/browser/scenario.mjs";
import { startLocalStack } from "./local_stack.mjs";
import { installClient } from "./packages.mjs";
import { writeFiles } from "./page.mjs";
import { startServer } from "./stack.mjs";

const run = promisify(execFile);
const NPM = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
const PASSWORD = "correct horse battery staple";

test("nextjs: server components, route handlers and the browser know the user", { timeout: 600_000 }, async (t) => {
  const cwd = join(process.env.WORK_FOLDER, "nextjs");
  await mkdir(cwd, { recursive: true });
  await cp(new URL("nextjs/", import.meta.url), cwd, { recursive: true });
  await run("npm", NPM, { cwd });
  await installClient(cwd, ["client", "react"]);
  await writeFiles("nextjs", cwd);

  const stack = await startLocalStack(t);
  const addresses = { ISSUER: stack.auth_url, AUTH_URL: stack.auth_url, API_URL: stack.api_url };
  const env = { ...addresses, NEXT_TELEMETRY_DISABLED: "1" };
  const next = [process.execPath, "node_modules/next/dist/bin/next"];
  await run(next[0], [next[1], "build"], { cwd, env: { ...process.env, ...env } });
  const url = await startServer(t, [...next, "start", "--port={port}"], { cwd, env });

  const browser = new TestBrowser();
  t.after(() => browser.close());
  await browser.launch();
  const visitor = await fetch(`${url}/account`, { redirect: "manual" });
  assert.deepEqual([visitor.status, new URL(visitor.headers.get("Location"), url).pathname], [307, "/"]);
  const page = await browser.newTab(url);
  await submit(page, "ann@example.org", PASSWORD, "Create account");
  await page.getByRole("heading", { name: "Hello ann" }).waitFor();
  await press(page, "Add a note");
  await page.getByText("ann wrote: buy milk").waitFor();
  await rejectsForgedCalls(browser, url);

  // The server renders the user, without a script.
  const response = await page.request.get(url);
  assert.match(await response.text(), /Hello ann/);
  assert.match(response.headers()["cache-control"], /private|no-store/);

  // An expired access token is renewed by the browser.
  const before = await cookie(browser, "access_token");
  await browser.context.clearCookies({ name: "access_token" });
  await page.goto(`${url}/account`);
  await page.getByText(/^User [0-9a-f-]{36}$/).waitFor();
  assert.notEqual(await cookie(browser, "access_token"), before);

  // Another tab signs out, and the server renders the form for both.
  await page.goto(url);
  const tab = await browser.newTab(url);
  await press(tab, "Sign out");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await submit(page, stack.admin_email, stack.admin_password, "Sign in");
  await page.getByText("You are an administrator.").waitFor();
});

/** Other sites can make a browser send the cookies, but they do not know the CSRF token. */
async function rejectsForgedCalls(browser, url) {
  const notes = `${url}/api/notes`;
  const [access, csrf] = [await cookie(browser, "access_token"), await cookie(browser, "csrf_token")];
  const call = async (method, headers) => {
    const response = await fetch(notes, { method, headers, body: '{"text":"x"}' });
    return [response.status, (await response.json()).code];
  };
  const Cookie = `access_token=${access}`;
  assert.deepEqual(await call("POST", {}), [401, "missing_token"]);
  assert.deepEqual(await call("POST", { Cookie: `${Cookie}x` }), [401, "invalid_token"]);
  assert.deepEqual(await call("POST", { Cookie }), [403, "csrf_failed"]);
  assert.deepEqual(await call("POST", { Cookie, "X-CSRF-Token": "x" }), [403, "csrf_failed"]);
  assert.deepEqual(await call("DELETE", { Cookie, "X-CSRF-Token": csrf }), [403, "role_required"]);
  assert.deepEqual(await call("POST", { Cookie, "X-CSRF-Token": csrf }), [201, undefined]);
}

async function cookie(browser, name) {
  const all = await browser.context.cookies();
  return all.find((cookie) => cookie.name === name)?.value;
}

const press = (page, name) => page.getByRole("button", { name }).click();

async function submit(page, email, password, button) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await press(page, button);
}
