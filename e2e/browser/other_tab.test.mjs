import assert from "node:assert/strict";
import { person } from "./control.mjs";
import { call, isTold, logIn, logOut, openDemo, register, seesLoginForm, seesName } from "./demo.mjs";
import { scenario } from "./stage.mjs";

const refused = [/401 \(Unauthorized\) .*\/protected\)/];

scenario("what happens in one tab shows in the other", refused, async (stage) => {
  const [one, other] = [await openDemo(stage), await openDemo(stage)];

  await register(one);
  await seesName(other);
  await call(other, "/protected", 200);

  await logOut(other);
  await seesLoginForm(one);
  await isTold(one, "session has ended");
  await call(one, "/protected", 401);

  await logIn(other);
  await seesName(one);

  // Somebody else at the same browser: the tab that was not asked shows her, too, and calls in her name.
  await logOut(one);
  await seesLoginForm(other);
  await register(one, { ...person, name: "Bea", email: "bea@example.org" });
  await seesName(other, "Bea");
  assert.equal((await call(other, "/protected", 200)).message, "Hello Bea");
});
