import assert from "node:assert/strict";
import { ann, refreshes } from "./control.mjs";
import {
  call, callButton, confirmPassword, openDemo, register, shownResponse, stopRenewing, waitForDialog,
  waitForUser,
} from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const expected = [/403 \(Forbidden\) .*\/transfer\)/, /401 \(Unauthorized\) .*\/auth\/reauthenticate\)/];

/** `POST /transfer` requires a login within the last 5 minutes. */
const TOO_OLD_S = 301;

scenario("a call that requires a fresh login asks for the password and is repeated", expected, async (browser) => {
  const page = await openDemo(browser);
  await register(page);
  await stopRenewing(page);
  await call(page, "/transfer", 200);
  await browser.advance(TOO_OLD_S);

  await page.locator(callButton("/transfer")).click();
  await waitForDialog(page);
  assert.equal((await shownResponse(page, "/transfer", 403)).code, "fresh_login_required");
  await page.keyboard.press("Escape");
  await waitForDialog(page, "hidden");
  await page.locator(`${callButton("/transfer")}[aria-busy=false]:focus`).waitFor();
  await shownResponse(page, "/transfer", 403);

  const before = await refreshes();
  await page.keyboard.press("Enter");
  await waitForDialog(page);
  await confirmPassword(page, "not my password");
  const alert = page.locator("#confirmation [role=alert]", { hasText: "Wrong password" });
  await alert.waitFor();
  await page.locator("#confirmation [name=current_password][aria-invalid=true]:focus").waitFor();

  await confirmPassword(page, ann.password);
  await waitForDialog(page, "hidden");
  await page.locator(`${callButton("/transfer")}[aria-busy=false]:focus`).waitFor();
  await shownResponse(page, "/transfer", 200);
  await waitForUser(page);
  assert.deepEqual(await refreshes(), before, "confirming the password does not refresh");

  // The session stores the time of the login, so a renewed token is as fresh.
  await browser.advance(61);
  await call(page, "/transfer", 200);
});
