// What a page does with a client of its own, beside that of the demo page.
import assert from "node:assert/strict";
import { ann, apiUrl, authUrl, hold, refreshes, refreshPath, release, waitFor } from "./control.mjs";
import { openDemo, register, stopRenewing, waitForSignInForm } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

/** Opens the demo page and registers a user. The global variables are a client, its notifications and the API's URL. */
async function openPage(browser, name) {
  const page = await openDemo(browser);
  const createClient = async ([authUrl, apiUrl]) => {
    const { createAuthClient } = await import("/client/auth.js");
    // Clients share a session only if they have the same `fetch`.
    const { pageFetch } = await import("/demo/servers.js");
    const client = createAuthClient({ authUrl, apiOrigins: [apiUrl], fetch: pageFetch });
    const notified = [];
    client.subscribe(({ user }) => notified.push(user?.name ?? null));
    Object.assign(globalThis, { client, notified, api: apiUrl });
  };
  await page.evaluate(createClient, [authUrl, apiUrl]);
  await register(page, { ...ann, name, email: `${name}@example.org` });
  return page;
}

scenario("a second client of the page shares the session", [], async (browser) => {
  const page = await openPage(browser, "Ann");
  assert.deepEqual(await page.evaluate(() => notified), ["Ann"]);
  assert.equal((await page.evaluate(() => client.events())).items.length, 1);
  assert.equal(await page.evaluate(async () => (await client.authFetch(`${api}/protected`)).status), 200);
  assert.deepEqual(await refreshes(), []);
  await page.evaluate(() => client.logout());
  await waitForSignInForm(page);
});

scenario("authFetch keeps the options of a Request", [], async (browser) => {
  const page = await openPage(browser, "Bea");

  /** What is sent of the request that authFetch makes of `new Request(url, init)`, or of both arguments. */
  const sent = async (init, { asRequest }) => {
    const request = page.waitForRequest(`${apiUrl}/transfer`);
    const call = async ([init, asRequest]) => {
      const url = `${api}/transfer`;
      await client.authFetch(...(asRequest ? [new Request(url, init)] : [url, init]));
    };
    await page.evaluate(call, [init, asRequest]);
    const headers = await (await request).allHeaders();
    const { authorization, cookie, referer, "x-csrf-token": more, "content-length": length } = headers;
    return { token: authorization?.slice(0, 10), cookie: cookie !== undefined, referer, more, length };
  };
  const init = { method: "POST", body: "{}", headers: { "Content-Type": "application/json", "X-CSRF-Token": "my own" } };
  const expected = { token: "Bearer eyJ", cookie: false, referer: undefined, more: "my own", length: "2" };
  for (const asRequest of [true, false]) {
    assert.deepEqual(await sent(init, { asRequest }), expected);
    const withOptions = { ...init, credentials: "include", referrerPolicy: "origin" };
    assert.deepEqual(await sent(withOptions, { asRequest }), { ...expected, cookie: true, referer: `${authUrl}/` });
  }
});

scenario("a call that is aborted during a renewal ends at once, and the renewal continues", [], async (browser) => {
  const page = await openPage(browser, "Cleo");
  await stopRenewing(page);
  await hold(refreshPath);
  await browser.advance(61);
  await page.evaluate(() => {
    const stop = new AbortController();
    const aborted = client.authFetch(`${api}/protected`, { signal: stop.signal }).catch((error) => error);
    Object.assign(globalThis, { stop, aborted, other: client.authFetch(`${api}/protected`) });
  });
  await waitFor("the refresh has reached the server", async () => (await refreshes()).length === 1);
  const reason = await page.evaluate(() => {
    stop.abort("the user left");
    return aborted;
  });
  assert.equal(reason, "the user left");
  await release(refreshPath);
  assert.equal(await page.evaluate(async () => (await other).status), 200);
  assert.deepEqual(await refreshes(), ["200 passed"]);
});
