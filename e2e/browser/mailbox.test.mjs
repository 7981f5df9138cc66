import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { authUrl } from "./control.mjs";
import { click, openDemo, register, toggleSection } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const folder = process.env.SCREENSHOTS;

// The scripts with which Playwright controls the clock of a page are blocked in the frame of a mail, as all scripts.
const expected = [/Blocked script execution in 'about:(blank|srcdoc)'/];

scenario("the mailbox shows text and HTML, and its links open in a new tab", expected, async (browser) => {
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
      await context.route("**/forgot", (route) => route.fulfill({ body: "the page of the link" }));
      const page = await browser.newTab(`${authUrl}/demo/mail`, context);
      await page.locator("#list li").nth(1).waitFor();
      const german = page.locator("#list a", { hasText: "Neue Anmeldung bei Demo" });
      assert.match(await german.textContent(), /bärbel@example.org/);
      await page.locator("#list a", { hasText: "New login to your account at Demo" }).click();
      await page.locator("#mail").waitFor();
      assert.equal(await page.locator("#to").textContent(), "ann@example.org");

      const mail = page.frameLocator("#html");
      await mail.getByText("Firefox <b>on</b> Linux").waitFor();
      assert.equal(await mail.locator("b").count(), 0, "values are escaped");
      const opened = context.waitForEvent("page");
      await mail.getByRole("link", { name: "Set a new password" }).click();
      await (await opened).getByText("the page of the link").waitFor();

      await page.getByRole("button", { name: "Text" }).click();
      assert.match(await page.locator("#text").textContent(), /Device: Firefox <b>on<\/b> Linux/);
      assert.equal(await page.locator("#text a").first().getAttribute("href"), `${authUrl}/forgot`);
      await german.click();
      await page.getByText("Gerät: Firefox").waitFor();
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scrollWidth <= width, `${scrollWidth} of ${width}`);
      if (folder) {
        await page.getByRole("button", { name: "HTML" }).click();
        await page.screenshot({ path: join(folder, `mailbox-${width}-${colorScheme}.png`), fullPage: true });
      }
    }
  }
});

scenario("a mailbox under another name does not exist", [], async () => {
  const { port } = new URL(authUrl);
  for (const path of ["/demo/mail", "/demo/mail/messages"]) {
    const status = await new Promise((resolve, reject) => {
      const headers = { host: `attacker.example:${port}` };
      request({ host: "127.0.0.1", port, path, headers }, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end();
    });
    assert.equal(status, 404, path);
  }
});

scenario("a signed-in user proves the address with a code", [...expected, /429 \(/], async (browser) => {
  const demo = await openDemo(browser);
  await register(demo);
  await toggleSection(demo, "email");
  await demo.locator("#email-state", { hasText: "not verified yet" }).waitFor();
  // The registration has sent a mail a moment ago.
  await click(demo, "#verify-email");
  await demo.locator("#status", { hasText: "Too many mails" }).waitFor();
  await browser.advance(61);
  await click(demo, "#verify-email");
  const mailbox = await browser.newTab(`${authUrl}/demo/mail`);
  const mails = mailbox.locator("#list a", { hasText: "Confirm your e-mail address" });
  await mails.nth(1).waitFor();
  await mails.first().click();
  await mailbox.locator("#mail").waitFor();
  const [, code] = (await mailbox.locator("#text").textContent()).match(/^ +(\d{8})$/m);
  await demo.bringToFront();
  await demo.locator("#email-code-form [name=code]").fill(code);
  await demo.keyboard.press("Enter");
  await demo.locator("#email-state", { hasText: "is verified" }).waitFor();
  assert.equal(await demo.locator("#verify-email").isVisible(), false);
});
