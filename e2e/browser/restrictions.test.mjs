import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ann, authUrl } from "./control.mjs";
import { call, openDemo, register, signOut, stopRenewing, waitForSignInForm, waitForStatus, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

/** Writes to localStorage until not even one more character fits. */
const fillStorage = (page) =>
  page.evaluate(() => {
    for (let size = 2 ** 20, count = 0; size >= 1; size /= 2) {
      try {
        for (;;) localStorage.setItem(`other program ${(count += 1)}`, "x".repeat(size));
      } catch {
        // Try a shorter item.
      }
    }
  });

const storedItems = (page) => page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith("latchkey")));

scenario("tabs share the session while localStorage is full", [], async (browser) => {
  const [page, tab] = [await openDemo(browser), await openDemo(browser)];
  await fillStorage(page);

  await register(page);
  assert.deepEqual(await storedItems(page), []);
  await waitForUser(tab);
  for (const each of [page, tab]) await stopRenewing(each);
  await browser.advance(61);
  for (const each of [page, tab]) await call(each, "/protected", 200);
  await signOut(tab);
  await waitForSignInForm(page);
  await waitForStatus(page, "session has ended");

  await page.evaluate(() => localStorage.clear());
  await register(page, { ...ann, name: "Bea", email: "bea@example.org" });
  assert.equal((await storedItems(page)).length, 1);
  await waitForUser(tab, "Bea");
});

/** Blocks localStorage and Web Locks, too. */
const BLOCKED_COOKIES = { profile: { default_content_setting_values: { cookies: 2 } } };

scenario(
  "with blocked cookies, a user stays signed in until the token expires",
  [/status of 401 .*\/auth\/refresh\)/],
  async (browser) => {
    const page = await openDemo(browser);
    const errors = await page.evaluate(async () => {
      const name = (error) => error.name;
      const names = [await navigator.locks.request("x", () => {}).catch(name)];
      try {
        localStorage.getItem("x");
      } catch (error) {
        names.push(error.name);
      }
      return names;
    });
    assert.deepEqual(errors, ["SecurityError", "SecurityError"]);

    await register(page, { ...ann, email: "cleo@example.org" });
    await stopRenewing(page);
    await call(page, "/protected", 200);
    await browser.advance(61);
    await page.locator("#refresh").click();
    await waitForSignInForm(page);
    await waitForStatus(page, "session has ended");
  },
  { preferences: BLOCKED_COOKIES },
);

scenario("a sandboxed page can create a client, and learns why it cannot sign in", [/\/auth\/login/, /favicon/], async (browser) => {
  // Such a page cannot import modules. In this order, each one follows those that it imports.
  const modules = await Promise.all(
    ["server", "record", "state", "session", "auth"].map((name) =>
      readFile(new URL(`../../web/client/${name}.js`, import.meta.url), "utf8"),
    ),
  );
  const source = modules.join("\n").replaceAll(/^import .*|^export \{.*|^export /gm, "");
  const result = (code) => `try { document.body.textContent += ${code}; } catch (e) { document.body.textContent += e.name; }`;
  const script = [
    result("`${origin} `"),
    result("String(localStorage)"),
    result("` ${createAuthClient().state.status} `"),
    `await createAuthClient({ authUrl: "${authUrl}" }).login({ email: "a@example.org", password: "wrong" })
      .catch((error) => document.body.append(error.name, " ", error.code));`,
  ];
  const page = await browser.context.newPage();
  await page.route("**/sandboxed", (route) =>
    route.fulfill({
      headers: { "Content-Type": "text/html", "Content-Security-Policy": "sandbox allow-scripts" },
      body: `<body></body><script type="module">${source}${script.join("\n")}</script>`,
    }),
  );
  await page.goto(`${authUrl}/sandboxed`);
  await page.getByText("null SecurityError signed-out AuthError unreachable").waitFor();
});
