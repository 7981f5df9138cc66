import assert from "node:assert/strict";
import { apiUrl, authUrl, person, refreshes } from "./control.mjs";
import { scenario } from "./stage.mjs";

const HERE = `${authUrl}/healthz`;
/** The same server by its other name: to a browser, another site. */
const ELSEWHERE = HERE.replace("localhost", "127.0.0.1");

/** fetch in a page, which no CSP of the page's own keeps from anything. */
const call = (page, url, init) =>
  page.evaluate(
    async ([url, init]) => {
      const answer = await fetch(url, init);
      return { status: answer.status, body: await answer.text() };
    },
    [url, init],
  );

/** What a browser says of calls that are not for it to hear, and of an address that has no icon. */
const refused = [/CORS policy/, /refresh \(net::ERR_(FAILED|ABORTED)\)/, /net::ERR_FAILED/, /status of 403/, /favicon/];

scenario("the refresh cookie is for the auth server alone", refused, async (stage) => {
  const page = await stage.tab(HERE);
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(person) };
  const registered = await call(page, "/auth/register", init);
  assert.equal(registered.status, 201, registered.body);
  assert.ok(!registered.body.includes("refresh_token"), "not in the body");

  const [cookie] = await stage.person.cookies(authUrl);
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
  assert.equal(await page.evaluate(() => document.cookie), "", "no script can read it");

  const refreshed = await call(page, "/auth/refresh", { method: "POST" });
  assert.equal(refreshed.status, 200, refreshed.body);
  const headers = { Authorization: `Bearer ${JSON.parse(refreshed.body).access_token}` };
  const hello = await call(page, `${apiUrl}/protected`, { headers });
  assert.equal(JSON.parse(hello.body).message, "Hello Ann", "the API takes the token, and the page may read what it says");

  const foreign = await stage.tab(ELSEWHERE);
  const stolen = { method: "POST", credentials: "include" };
  await assert.rejects(call(foreign, `${authUrl}/auth/refresh`, stolen), /Failed to fetch/, "no other site may ask");
  await call(foreign, `${authUrl}/auth/refresh`, { ...stolen, mode: "no-cors" });
  assert.deepEqual((await refreshes()).slice(1), ["403 passed", "403 passed"], "nor can it spend the token unheard");
});
