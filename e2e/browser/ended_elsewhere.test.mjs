import assert from "node:assert/strict";
import { person, post, refreshes } from "./control.mjs";
import { call, isTold, logIn, openDemo, register, seesLoginForm, stopRenewing } from "./demo.mjs";
import { scenario } from "./stage.mjs";

const refused = [/401 \(Unauthorized\) .*\/(protected|auth\/refresh)\)/];

scenario("after logout-all in another place the next renewal shows the login form", refused, async (stage) => {
  const page = await openDemo(stage);
  await register(page);
  await stopRenewing(page);

  const { email, password } = person;
  const elsewhere = await post("/auth/login", { email, password, token_delivery: "body" });
  await post("/auth/logout-all", undefined, elsewhere.refresh_token);
  await stage.advance(61);

  assert.equal((await call(page, "/protected", 401)).code, "missing_token");
  await seesLoginForm(page);
  await isTold(page, "session has ended");
  const left = (await stage.person.cookies()).map((cookie) => cookie.name);
  assert.deepEqual(left, ["__Host-device"], "nothing is left of it; the device is told again at the next login");
  assert.deepEqual(await refreshes(), ["401 passed"]);

  await page.reload();
  await seesLoginForm(page);
  assert.deepEqual(await refreshes(), ["401 passed"], "it is known that nobody is logged in");

  await logIn(page);
  await call(page, "/protected", 200);
});
