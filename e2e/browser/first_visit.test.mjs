import assert from "node:assert/strict";
import { refreshes } from "./control.mjs";
import { openDemo, waitForSignInForm } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

scenario("a first visit does not refresh", [], async (browser) => {
  const page = await openDemo(browser);
  await waitForSignInForm(page);

  await browser.advance(61);
  await page.reload();
  await waitForSignInForm(page);
  assert.deepEqual(await refreshes(), []);
});
