import assert from "node:assert/strict";
import { ann, post, refreshes } from "./control.mjs";
import { call, openDemo, register, signIn, stopRenewing, waitForSignInForm, waitForStatus } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const expected = [/401 \(Unauthorized\) .*\/(protected|auth\/refresh)\)/];

scenario("after logout-all on another device, the next renewal shows the sign-in form", expected, async (browser) => {
  const page = await openDemo(browser);
  await register(page);
  await stopRenewing(page);

  const { email, password } = ann;
  const other = await post("/auth/login", { email, password, token_delivery: "body" });
  await post("/auth/logout-all", undefined, other.refresh_token);
  await browser.advance(61);

  assert.equal((await call(page, "/protected", 401)).code, "missing_token");
  await waitForSignInForm(page);
  await waitForStatus(page, "session has ended");
  const cookies = (await browser.context.cookies()).map((cookie) => cookie.name);
  assert.deepEqual(cookies, ["__Host-device"], "only the device cookie remains, for the next login");
  assert.deepEqual(await refreshes(), ["401 passed"]);

  await page.reload();
  await waitForSignInForm(page);
  assert.deepEqual(await refreshes(), ["401 passed"], "without a session, the page does not refresh");

  await signIn(page);
  await call(page, "/protected", 200);
});
