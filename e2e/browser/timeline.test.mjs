import assert from "node:assert/strict";
import { ann, apiUrl } from "./control.mjs";
import { call, click, openDemo, register, signOut } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

/** The entries of the timeline as texts. */
const entries = (page) =>
  page.locator("#timeline-list li").evaluateAll((items) =>
    items.map((item) => {
      const part = (name) => item.querySelector(`[data-part=${name}]`).textContent;
      return [part("facts").split(" · ")[0], part("request"), part("verdict"), part("generation")].filter(Boolean).join(" | ");
    }),
  );

const waitForEntry = (page, text) => page.locator("#timeline-list li", { hasText: text }).first().waitFor();

scenario("the timeline lists the requests of all tabs with their generations", [/403/], async (browser) => {
  const page = await openDemo(browser);
  await page.locator("#timeline-empty").waitFor();
  await register(page);
  await call(page, "/protected", 200);
  await call(page, "/admin", 403);
  await click(page, "#refresh");
  const own = [
    "This tab | POST /auth/register | 201 · Session started | generation 0",
    "This tab | GET /protected | 200 · Accepted",
    "This tab | GET /admin | 403 · Rejected: role_required",
    "This tab | POST /auth/refresh | 200 · Rotated | generation 0 → 1",
  ];
  assert.deepEqual(await entries(page), own);

  const tab = await openDemo(browser);
  await waitForEntry(page, "generation 1 → 2");
  assert.deepEqual(await entries(page), [...own, "Tab 2 | POST /auth/refresh | 200 · Rotated | generation 1 → 2"]);
  await signOut(tab);
  await waitForEntry(page, "POST /auth/logout");
  assert.equal(await page.locator("#response").innerText(), "No call yet.", "the response goes with the session");
  assert.ok(await page.locator("#token-empty").isVisible());
});

scenario("copied commands contain no secret", [], async (browser) => {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] });
  const page = await openDemo(browser, context);
  const copied = async (button) => {
    await button.click();
    await page.locator("#status", { hasText: "Copied" }).waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const { name, email, password } = { ...ann, email: "bea@example.org" };
  await register(page, { name, email, password });
  const login = await copied(page.locator("#timeline-list button").first());
  assert.ok(login.includes(`"email":"'"$EMAIL"'","password":"'"$PASSWORD"'"`), login);
  assert.ok(![email, password].some((secret) => login.includes(secret)), login);
  await call(page, "/protected", 200);
  const command = `curl -X GET '${apiUrl}/protected' \\\n  -H "Authorization: Bearer $TOKEN"`;
  assert.equal(await copied(page.locator("#timeline-list button").last()), command);
  assert.equal(await copied(page.locator("#response-curl")), command);
});

scenario("the page verifies the signature of the token, and rejects a forged copy", [], async (browser) => {
  const page = await openDemo(browser);
  await register(page, { ...ann, name: "Cleo", email: "cleo@example.org" });
  await page.locator("#signature-state", { hasText: "Signature verified" }).waitFor();
  const rows = page.locator("#claims div");
  const texts = await rows.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  for (const row of texts) assert.ok(row.length === 3 && row.every(Boolean), row.join(" | "));
  assert.equal(texts.find(([claim]) => claim === "name")[1], "Cleo");
  await page.locator("#forge").click();
  await page.locator("#forge-result", { hasText: "Rejected" }).waitFor();

  // Another key: the signature of a genuine token does not fit either.
  await page.route("**/jwks.json", async (route) => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
    const other = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const { keys } = await (await route.fetch()).json();
    await route.fulfill({ json: { keys: keys.map((key) => ({ ...key, x: other.x, y: other.y })) } });
  });
  await page.reload();
  await page.locator("#signature-state", { hasText: "Signature invalid" }).waitFor();
});
