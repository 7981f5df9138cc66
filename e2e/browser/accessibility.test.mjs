// Runs axe in every state of every page, in light and dark.
import assert from "node:assert/strict";
import { violations } from "./axe.mjs";
import { ann, apiUrl, authUrl } from "./control.mjs";
import { call, click, openDemo, register, signOut, toggleSection } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

/** Those that depend on colours and sizes. The others give the same result at all widths. */
const RULES_OF_LOOKS = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"];
/** The errors that Chromium reports for calls that this test makes fail. */
const expected = [/ERR_FAILED/, /^exception: Failed to fetch/, /(401|403|410|422|503) \(/];

const WIDE = { viewport: { width: 1280, height: 900 }, colorScheme: "light" };
const NARROW = { viewport: { width: 390, height: 844 }, colorScheme: "dark", rules: RULES_OF_LOOKS };

/** Asserts that axe finds nothing in any of these looks. Ends with the first. */
async function check(page, name, looks = [WIDE, NARROW]) {
  for (const { viewport, colorScheme, rules } of looks.toReversed()) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await violations(page, rules), [], `${name}, ${colorScheme}`);
  }
}

const newPage = async (browser, { viewport } = WIDE) => (await browser.newContext({ viewport })).newPage();

scenario("the demo is accessible while it loads, and if it cannot be loaded", expected, async (browser) => {
  const page = await newPage(browser);
  let fail;
  const failed = new Promise((resolve) => (fail = resolve));
  await page.route("**/settings.json", async (route) => {
    await failed;
    await route.abort();
  });
  await page.goto(`${authUrl}/demo/`);
  await check(page, "loading");
  const error = page.waitForEvent("pageerror");
  fail();
  await page.locator("#loading", { hasText: "cannot be reached" }).waitFor();
  await error;
  await check(page, "not loaded");
});

scenario("the demo is accessible in every state", expected, async (browser) => {
  const page = await openDemo(browser, await browser.newContext({ viewport: WIDE.viewport }));
  await check(page, "signed out");
  await page.locator("#register-form button").click();
  await check(page, "errors at fields");
  await page.locator("#login-tab").click();
  await page.locator("#required-password").evaluate((field) => (field.hidden = false));
  await check(page, "sign in, with a new password");
  await page.locator("#code-form, .tabs, .panels").evaluateAll((parts) => parts.forEach((one) => (one.hidden = !one.hidden)));
  await page.locator("#code-form button").first().click();
  await check(page, "the code in a mail");
  await page.locator("#code-form, .tabs, .panels").evaluateAll((parts) => parts.forEach((one) => (one.hidden = !one.hidden)));
  await call(page, "/protected", 401);

  await register(page);
  await call(page, "/transfer", 200);
  await page.locator("#signature-state", { hasText: "verified" }).waitFor();
  await page.locator("#forge").click();
  await page.locator("#replay-token").click();
  await check(page, "an experiment runs");
  await page.locator("#replay-token[aria-busy=false]").waitFor();
  await check(page, "signed in, after an experiment");
  await page.emulateMedia({ forcedColors: "active" });
  await check(page, "forced colours");
  await page.emulateMedia({ forcedColors: "none" });

  await page.locator("#lose-response").click();
  await page.locator("#sequence .arrow.lost").waitFor();
  await page.locator("#lose-response[aria-busy=false]").waitFor();
  await check(page, "a lost response");
  await toggleSection(page, "sessions");
  await page.locator("#session-list li").first().waitFor();
  await check(page, "sessions");
  await page.route("**/auth/events*", (route) => route.fulfill({ status: 503, json: { code: "unavailable", detail: "Try again." } }));
  await toggleSection(page, "events");
  await page.locator("#events .state.bad").waitFor();
  await check(page, "a list that cannot be loaded");
  await toggleSection(page, "password");
  await page.locator("#password-form button").click();
  await check(page, "change of the password");
  await toggleSection(page, "deletion");
  await page.locator("#deletion-form button").click();
  await check(page, "deletion");
  await page.locator("#confirmation").evaluate((dialog) => dialog.showModal());
  await page.locator("#confirmation-form button").first().click();
  await check(page, "confirmation of the password");
  await page.keyboard.press("Escape");

  await page.route("**/auth/refresh", (route) => route.abort());
  await page.reload();
  await page.locator("#offline:not(:empty)").waitFor();
  await check(page, "offline");
  await page.unroute("**/auth/refresh");
  await click(page, "#refresh");
  await signOut(page);
  await check(page, "after a logout");
});

scenario("the other pages are accessible", expected, async (browser) => {
  // Both servers have the same pages.
  for (const [url, look] of [[authUrl, NARROW], [apiUrl, WIDE]]) {
    const page = await newPage(browser, look);
    await page.route("**/openapi.json", async (route) => {
      await check(page, "the reference loads", [look]);
      await route.continue();
    });
    await page.goto(`${url}/docs`);
    await page.locator("#groups[aria-busy=false]").waitFor();
    const operation = page.locator(".operation").first();
    await operation.locator("summary").click();
    await operation.getByRole("button", { name: "Send" }).click();
    await operation.locator("pre[aria-label=Response]", { hasText: /^\d{3} / }).waitFor();
    await check(page, "the reference", [look]);
    await page.locator("#filter").fill("no such call");
    await page.locator("#nothing-found").waitFor();
    await check(page, "nothing found", [look]);
    await page.goto(`${url}/docs/errors#invalid_token`);
    await check(page, "the error codes", [look]);
    await page.goto(`${process.env.PLAIN_URL}/`);
    await check(page, "the start page", [look]);
    await page.context().close();
  }
});

// Playwright's scripts are blocked in the frame of a mail.
const blocked = /Blocked script execution in 'about:(blank|srcdoc)'/;

scenario("the pages of mailed links and the mailbox are accessible", [...expected, blocked], async (browser) => {
  const page = await newPage(browser, NARROW);
  for (const name of ["login", "forgot", "reset", "register", "verify", "change", "invitation"]) {
    const hasLink = name !== "login" && name !== "forgot";
    await page.goto(`${authUrl}/${name}?return_to=/app/${hasLink ? "#token" : ""}`);
    await page.locator(hasLink ? "#lead.message" : "#form").waitFor();
    // Everything that the page can show, as after other responses.
    await page.locator("form, fieldset, section, #again").evaluateAll((parts) => {
      for (const part of parts) part.hidden = false;
      for (const message of document.querySelectorAll(".message, .error, .who, [data-email]")) message.textContent ||= "Text";
    });
    await check(page, name, [NARROW]);
  }
  await page.goto(`${authUrl}/demo/mail`);
  await page.locator("#list a").first().click();
  await page.locator("#mail").waitFor();
  await page.getByRole("button", { name: "Text" }).click();
  await check(page, "the mailbox", [NARROW]);
});
