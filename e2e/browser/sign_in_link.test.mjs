import assert from "node:assert/strict";
import { ann, authUrl } from "./control.mjs";
import { openDemo, register, signOut, waitForStatus, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const link = `${authUrl}/demo/#sign-in=${process.env.SIGN_IN_CODE}`;

scenario("a sign-in link works once, and leaves no trace in the history", [/401 \(Unauthorized\) .*\/demo\/sign-in\)/], async (browser) => {
  const page = await openDemo(browser);
  await register(page, { ...ann, email: "ben@example.org" });
  await page.goto(link);
  await waitForStatus(page, "You are signed in already");
  assert.equal(page.url(), `${authUrl}/demo/`);
  await signOut(page);

  // In the same tab only the fragment changes; the page is not loaded again.
  await page.goto(link);
  await waitForUser(page, "host@example.org");
  await waitForStatus(page, "The link has signed you in");
  assert.equal(page.url(), `${authUrl}/demo/`);
  await page.reload();
  await waitForUser(page, "host@example.org");
  await signOut(page);

  const other = await browser.newTab(link);
  await waitForStatus(other, "has expired or was used before");
  assert.equal(other.url(), `${authUrl}/demo/`);
});
