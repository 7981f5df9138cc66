// The API reference of both servers.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ann, apiUrl, authUrl } from "./control.mjs";
import { openDemo, register } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const folder = process.env.SCREENSHOTS;

async function openDocs(browser, url, context) {
  const page = await browser.newTab(`${url}/docs`, context);
  await page.locator("#groups[aria-busy=false]").waitFor();
  return page;
}

/** Opens an operation, sends its request and returns the response that the page shows. */
async function send(page, id, fields = {}) {
  const operation = page.locator(`#${id}`);
  if (!(await operation.evaluate((details) => details.open))) await operation.locator("summary").click();
  for (const [name, value] of Object.entries(fields)) await operation.locator(`[name="${name}"]`).fill(value);
  const output = operation.locator("pre[aria-label=Response]");
  await operation.getByRole("button", { name: "Send" }).click();
  await output.filter({ hasText: /^\d{3} |^No response/ }).waitFor();
  return output.innerText();
}

scenario("the reference sends requests with the session of the page, and makes no other request", [/401|403|404/], async (browser) => {
  const requests = [];
  browser.context.on("request", (request) => requests.push(request.url()));
  await register(await openDemo(browser));

  const auth = await openDocs(browser, authUrl);
  await auth.getByText(`Signed in as ${ann.email}`).waitFor();
  assert.match(await send(auth, "get_me"), /^200 [^]*"email": "ann@example\.org"/);
  assert.match(await send(auth, "update_me", { body: '{"name":"Anna"}' }), /^200 [^]*"name": "Anna"/);
  assert.match(await send(auth, "list_users"), /^403 [^]*role_required/);
  assert.match(await send(auth, "list_sessions", { "query:limit": "1" }), /^200 [^]*"current": true/);
  const curl = await auth.locator("#list_sessions pre[aria-label='As curl']").innerText();
  assert.ok(curl.includes(`'${authUrl}/auth/sessions?limit=1'`), curl);
  await auth.locator("#filter").fill("logout-all");
  assert.equal(await auth.locator(".operation:visible").count(), 1);

  const api = await openDocs(browser, apiUrl);
  assert.match(await send(api, "protected"), /^401 [^]*missing_token/);
  await api.getByRole("button", { name: "Use my session" }).click();
  await api.getByText(`Signed in as ${ann.email}`).waitFor();
  assert.match(await send(api, "protected"), /^200 [^]*"message": "Hello Anna"/);
  assert.match(await send(api, "protected", { token: "forged" }), /^401 [^]*invalid_token/);
  await api.locator("#protected a", { hasText: "invalid_token" }).click();
  await api.locator("tr:target", { hasText: "invalid_token" }).waitFor();

  const foreign = requests.filter((url) => ![authUrl, apiUrl].some((own) => url.startsWith(`${own}/`)));
  assert.deepEqual(foreign, []);
});

scenario("the reference fits all screens, light and dark", [], async (browser) => {
  for (const width of [1280, 768, 360]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      const page = await openDocs(browser, authUrl, context);
      for (const id of ["log_in", "list_sessions"]) await page.locator(`#${id} summary`).click();
      await page.locator("#list_sessions form").waitFor();
      await inspect(page, `docs-${width}-${colorScheme}`, width);
      await page.goto(`${authUrl}/docs/errors`);
      await inspect(page, `docs-errors-${width}-${colorScheme}`, width);
    }
  }
});

async function inspect(page, name, width) {
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(needed <= width, `${name}: needs ${needed} pixels, has ${width}`);
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
