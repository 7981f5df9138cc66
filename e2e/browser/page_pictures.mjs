// Takes the pictures of the sign-in pages and of the account in docs/images, for scripts/screenshots.sh. The pages are the
// server's. The data of the account are samples, so that the pictures are the same at each run.
import { join } from "node:path";
import { authUrl } from "./control.mjs";
import { TestBrowser } from "./scenario.mjs";

const NOW = new Date("2026-11-27T10:00:00Z");
const ago = (minutes) => new Date(NOW - minutes * 60_000).toISOString();
const user = {
  id: "5b1d8f6e-3c0a-4e5b-9a67-000000000001", email: "ann.miller@example.org", email_verified: true, username: "ann", name: "Ann Miller",
  locale: "en", roles: [], second_factor: true, created_at: ago(90_000),
};
const LAPTOP = { device: "Firefox on Linux", ip: "203.0.113.7", user_agent: "Firefox" };
const PHONE = { device: "Safari on iPhone", ip: "203.0.113.8", user_agent: "iPhone" };
const sessions = [LAPTOP, PHONE].map((device, at) => ({
  ...device, id: `session-${at}`, current: at === 0, created_at: ago(90 + at * 2_000), last_used_at: ago(at * 300), expires_at: ago(-20_000),
}));
const EVENTS = [
  ["login_succeeded", 20, { device: "Chrome on Windows", ip: "198.51.100.23" }, {}],
  ["password_changed", 4_000, LAPTOP, {}],
  ["login_succeeded", 4_100, LAPTOP, {}],
];
const events = EVENTS.map(([type, minutes, client, details], at) => ({ ...client, type, details, at: ago(minutes), session_id: `event-${at}`, user_id: user.id }));
const factors = [["totp", "Phone", 40_000, 200], ["passkey", "MacBook", 9_000, 4]].map(([kind, name, added, used]) => ({
  id: name, kind, name, synced: kind === "passkey", created_at: ago(added), last_used_at: ago(used),
}));
const RESPONSES = {
  "/auth/refresh": { access_token: `a.${Buffer.from(JSON.stringify({ sid: "session-0" })).toString("base64url")}.c`, token_type: "Bearer", expires_in: 900, rotation: 1, user },
  "/auth/me": user,
  "/auth/sessions": { sessions, next_cursor: null },
  "/auth/events": { items: events, next_cursor: null },
  "/auth/factors": { second_factor: true, factors, recovery_codes_left: 8, totp_locked: false, passkey_ids: [], rp_id: "localhost" },
};
const VIEWPORT = { width: 1000, height: 720 };

const browser = new TestBrowser();
try {
  await browser.start();
  for (const colorScheme of ["light", "dark"]) {
    const page = await open("/login", { colorScheme });
    await page.locator("[name=login]").fill(user.email);
    await capture(page, `sign-in-${colorScheme}`);
  }
  const page = await openAccount();
  await capture(page, "account");
  await page.getByRole("button", { name: "Was this not you?" }).first().click();
  await page.locator("#not-me[open]").waitFor();
  await capture(page, "account-not-me");
} finally {
  await browser.close();
}

async function openAccount() {
  const page = await open("/login");
  // A session of the browser.
  const data = { email: user.email, name: user.name, password: "correct horse battery staple" };
  await page.request.post(`${authUrl}/auth/register`, { data });
  await page.route(({ pathname }) => pathname in RESPONSES, (route) => route.fulfill({ json: RESPONSES[new URL(route.request().url()).pathname] }));
  await page.goto(`${authUrl}/account`);
  await page.locator("#view").waitFor();
  return page;
}

async function open(path, settings = {}) {
  const context = await browser.newContext({ viewport: VIEWPORT, locale: "en", ...settings });
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW);
  await page.goto(authUrl + path);
  return page;
}

async function capture(page, name) {
  await page.evaluate(() => {
    document.activeElement.blur();
    Object.assign(document.documentElement.style, { overflow: "hidden", scrollbarGutter: "auto" });
  });
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
}
