import assert from "node:assert/strict";
import { refreshes } from "./control.mjs";
import { call, openDemo, register, seesName } from "./demo.mjs";
import { scenario } from "./stage.mjs";

scenario("a reload keeps the person logged in, and costs one refresh", [], async (stage) => {
  const page = await openDemo(stage);
  await register(page);
  assert.deepEqual(await refreshes(), []);

  await page.reload();
  await seesName(page);
  await call(page, "/protected", 200);
  assert.deepEqual(await refreshes(), ["200 passed"]);

  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.ok(!stored.includes("eyJ"), "no token is stored where scripts of any day can read it");
});
