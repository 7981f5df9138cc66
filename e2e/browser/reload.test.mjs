import assert from "node:assert/strict";
import { refreshes } from "./control.mjs";
import { call, openDemo, register, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

scenario("a reload keeps the user signed in with one refresh", [], async (browser) => {
  const page = await openDemo(browser);
  await register(page);
  assert.deepEqual(await refreshes(), []);

  await page.reload();
  await waitForUser(page);
  await call(page, "/protected", 200);
  assert.deepEqual(await refreshes(), ["200 passed"]);

  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.ok(!stored.includes("eyJ"), "no token is in storage");
});
