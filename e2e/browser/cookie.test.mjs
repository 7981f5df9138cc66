import assert from "node:assert/strict";
import { ann, apiUrl, authUrl, refreshes } from "./control.mjs";
import { scenario } from "./scenario.mjs";

const HERE = `${authUrl}/healthz`;
/** The same server under another name. Browsers treat it as another site. */
const ELSEWHERE = HERE.replace("localhost", "127.0.0.1");

/** fetch in a page that has no CSP to prevent it. */
const call = (page, url, init) =>
  page.evaluate(
    async ([url, init]) => {
      const response = await fetch(url, init);
      return { status: response.status, body: await response.text() };
    },
    [url, init],
  );

/** The errors that Chromium reports for rejected cross-origin calls and for the missing favicon. */
const expected = [/CORS policy/, /refresh \(net::ERR_(FAILED|ABORTED)\)/, /net::ERR_FAILED/, /status of 403/, /favicon/];

scenario("only the auth server and its own pages can use the refresh cookie", expected, async (browser) => {
  const page = await browser.newTab(HERE);
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(ann) };
  const registered = await call(page, "/auth/register", init);
  assert.equal(registered.status, 201, registered.body);
  assert.ok(!registered.body.includes("refresh_token"), "the body contains no refresh token");

  const [cookie] = await browser.context.cookies(authUrl);
  assert.deepEqual(
    { ...cookie, value: "", expires: 0 },
    {
      name: "__Host-refresh_token",
      value: "",
      domain: "localhost",
      path: "/",
      expires: 0,
      httpOnly: true,
      secure: true,
      sameSite: "Strict",
    },
  );
  assert.equal(await page.evaluate(() => document.cookie), "", "scripts cannot read the cookie");

  const refreshed = await call(page, "/auth/refresh", { method: "POST" });
  assert.equal(refreshed.status, 200, refreshed.body);
  const headers = { Authorization: `Bearer ${JSON.parse(refreshed.body).access_token}` };
  const hello = await call(page, `${apiUrl}/protected`, { headers });
  assert.equal(JSON.parse(hello.body).message, "Hello Ann", "the page can read the response");

  const other = await browser.newTab(ELSEWHERE);
  const withCookies = { method: "POST", credentials: "include" };
  await assert.rejects(call(other, `${authUrl}/auth/refresh`, withCookies), /Failed to fetch/, "other sites cannot refresh");
  await call(other, `${authUrl}/auth/refresh`, { ...withCookies, mode: "no-cors" });
  assert.deepEqual((await refreshes()).slice(1), ["403 passed", "403 passed"], "nor use up the token without reading the response");
});
