import assert from "node:assert/strict";
import { person, refreshes } from "./control.mjs";
import { call, callButton, confirm, openDemo, register } from "./demo.mjs";
import { seesDialog, seesName, showsAnswer, stopRenewing } from "./demo.mjs";
import { scenario } from "./stage.mjs";

const refused = [/403 \(Forbidden\) .*\/transfer\)/, /401 \(Unauthorized\) .*\/auth\/reauthenticate\)/];

/** More than the 5 minutes of `POST /transfer`. */
const NOT_FRESH = 301;

scenario("what wants a fresh login asks for the password, and goes on", refused, async (stage) => {
  const page = await openDemo(stage);
  await register(page);
  await stopRenewing(page);
  await call(page, "/transfer", 200);
  await stage.advance(NOT_FRESH);

  await page.locator(callButton("/transfer")).click();
  await seesDialog(page);
  assert.equal((await showsAnswer(page, "/transfer", 403)).code, "fresh_login_required");
  await page.keyboard.press("Escape");
  await seesDialog(page, "hidden");
  await page.locator(`${callButton("/transfer")}[aria-busy=false]:focus`).waitFor();
  await showsAnswer(page, "/transfer", 403);

  const before = await refreshes();
  await page.keyboard.press("Enter");
  await seesDialog(page);
  await confirm(page, "not my password");
  const complaint = page.locator("#confirmation [role=alert]", { hasText: "not your password" });
  await complaint.waitFor();
  await page.locator("#confirmation [name=current_password][aria-invalid=true]:focus").waitFor();

  await confirm(page, person.password);
  await seesDialog(page, "hidden");
  await page.locator(`${callButton("/transfer")}[aria-busy=false]:focus`).waitFor();
  await showsAnswer(page, "/transfer", 200);
  await seesName(page);
  assert.deepEqual(await refreshes(), before, "a password, right or wrong, is no refresh");

  // What was renewed later is as fresh: it is the session that remembers.
  await stage.advance(61);
  await call(page, "/transfer", 200);
});
