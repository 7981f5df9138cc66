import assert from "node:assert/strict";
import { ann } from "./control.mjs";
import { call, openDemo, register, signIn, signOut, waitForSignInForm, waitForStatus, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const expected = [/401 \(Unauthorized\) .*\/protected\)/];

scenario("each tab shows sign-ins and sign-outs of the other", expected, async (browser) => {
  const [one, other] = [await openDemo(browser), await openDemo(browser)];

  await register(one);
  await waitForUser(other);
  await call(other, "/protected", 200);

  await signOut(other);
  await waitForSignInForm(one);
  await waitForStatus(one, "session has ended");
  await call(one, "/protected", 401);

  await signIn(other);
  await waitForUser(one);

  // When another user signs in, the other tab shows her, too, and calls the API with her token.
  await signOut(one);
  await waitForSignInForm(other);
  await register(one, { ...ann, name: "Bea", email: "bea@example.org" });
  await waitForUser(other, "Bea");
  assert.equal((await call(other, "/protected", 200)).message, "Hello Bea");
});
