import assert from "node:assert/strict";
import { allow, refreshPath, refreshes, refuse } from "./control.mjs";
import { call, callButton, click, isTold, openDemo, register, seesName } from "./demo.mjs";
import { scenario } from "./stage.mjs";

/** What a browser says of an answer 503. */
const refused = [/503 \(Service Unavailable\) .*\/auth\/refresh\)/];

scenario("an outage longer than the token's life is said, and waited out", refused, async (stage) => {
  const page = await openDemo(stage);
  await register(page);

  await refuse(refreshPath);
  await stage.advance(61);
  await isTold(page, "still logged in");
  await click(page, callButton("/protected"));
  await isTold(page, /^Not available at present\.$/);
  await stage.advance(61);
  await page.reload();
  await isTold(page, "still logged in");
  assert.ok(await page.locator("#logged-in").isVisible(), "nobody is logged out");
  const tries = await refreshes();
  assert.ok(tries.length >= 3, "it is tried again");
  assert.deepEqual(tries, Array(tries.length).fill("503 refused"));

  await allow(refreshPath);
  await stage.advance(6);
  await isTold(page, "answers again");
  await seesName(page);
  await call(page, "/protected", 200);
  assert.deepEqual((await refreshes()).slice(tries.length), ["200 passed"]);
});
