import assert from "node:assert/strict";
import { refreshes } from "./control.mjs";
import { openDemo, seesLoginForm } from "./demo.mjs";
import { scenario } from "./stage.mjs";

scenario("who has never been here is not asked for a session", [], async (stage) => {
  const page = await openDemo(stage);
  await seesLoginForm(page);

  await stage.advance(61);
  await page.reload();
  await seesLoginForm(page);
  assert.deepEqual(await refreshes(), []);
});
