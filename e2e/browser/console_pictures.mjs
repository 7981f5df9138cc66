// Takes the pictures of the console in docs/images, for scripts/screenshots.sh. The pages are the server's. The data are
// samples, so that the pictures are the same at each run and show two weeks.
import { join } from "node:path";
import { authUrl } from "./control.mjs";
import { TestBrowser } from "./scenario.mjs";

const NOW = new Date("2026-11-27T10:00:00Z");
const VIEWPORT = { width: 1280, height: 800 };
const NAMES = ["Ann Miller", "Bela Kovács", "Chiara Rossi", "Daniel Okafor", "Élodie Martin", "Farid Haddad", "Greta Lindqvist", "Hiro Tanaka", "Inês Almeida", "Jonas Weber", "Katarzyna Nowak", "Liam O’Connor"];
const EVENTS = [
  ["login_failed", { count: 14 }],
  ["roles_changed", { before: [], roles: ["billing"], by: id(1) }],
  ["user_disabled", { by: id(1) }],
  ["reuse_detected", {}],
  ["password_reset", {}],
  ["email_changed", {}],
  ["invited", { by: id(1) }],
  ["key_made", {}],
  ["login_failed", {}],
  ["password_changed", {}],
];

function id(number) {
  return `5b1d8f6e-3c0a-4e5b-9a67-${String(number).padStart(12, "0")}`;
}

const ago = (minutes) => new Date(NOW - minutes * 60_000).toISOString();
const users = NAMES.map((name, at) => ({
  id: id(at + 1),
  email: `${name.split(" ")[0].normalize("NFD").replace(/[^\w]/g, "").toLowerCase()}@example.org`,
  email_verified: at !== 5,
  username: null,
  name,
  locale: "en",
  roles: [["admin"], ["editor", "billing"], [], ["support"]][at % 4],
  claims: at === 1 ? { plan: "team", seats: 25 } : {},
  disabled: at === 7,
  disabled_at: null,
  created_at: ago(30_000 + at * 9_000),
  last_login_at: ago(4 + at * at * 37),
}));
const sessions = ["Firefox on Linux", "Safari on iPhone"].map((device, at) => ({
  id: id(90 + at), current: false, device, ip: `203.0.113.${7 + at}`, user_agent: device,
  created_at: ago(90 + at * 2_000), last_used_at: ago(4 + at * 300), expires_at: ago(-20_000),
}));
const factors = [["totp", "Phone", 40_000, 200], ["passkey", "MacBook", 9_000, 4]].map(([kind, name, added, used], at) => ({
  id: id(80 + at), kind, name, synced: kind === "passkey", created_at: ago(added), last_used_at: ago(used),
}));
const event = ([type, details], at) => ({
  at: ago(3 + at * 17), type, details, user_id: type === "key_made" ? null : id(2 + (at % 9)),
  session_id: null, ip: `203.0.113.${at + 7}`, user_agent: null, device: "Firefox on Linux",
});
const days = Array.from({ length: 14 }, (_, at) => ({
  date: new Date(NOW - (13 - at) * 86_400_000).toISOString().slice(0, 10),
  logins: Math.round(2_600 + 900 * Math.sin(at * 0.9) + at * 40),
  failed_logins: Math.round(110 + 70 * Math.cos(at * 1.7)),
  registrations: 30 + at,
}));
const RESPONSES = {
  "/auth/refresh": { access_token: "a.e30.c", token_type: "Bearer", expires_in: 900, rotation: 1, user: users[0] },
  "/admin/overview": { measured_at: ago(0), users: { total: 48_213, disabled: 31, unverified: 412 }, active_sessions: 9_847, days, latest: EVENTS.map(event) },
  "/admin/users": { items: users, total: { count: users.length, is_exact: true } },
  "/admin/events": { items: EVENTS.map(event), cursor: "1" },
  "/admin/servers": { items: [] },
  [`/admin/users/${id(2)}/sessions`]: { items: sessions },
  [`/admin/users/${id(2)}/factors`]: { second_factor: true, factors, recovery_codes_left: 8, totp_locked: false },
  ...Object.fromEntries(users.map((user) => [`/admin/users/${user.id}`, user])),
};

const browser = new TestBrowser();
try {
  await browser.start();
  await take("console-light", "#/overview", "light");
  await take("console-dark", "#/overview", "dark");
  await take("console-user", `#/users/${id(2)}`, "light");
  await take("console-factors", `#/users/${id(2)}`, "light", (page) => page.locator("#factors-of-user").evaluate((heading) => heading.scrollIntoView()));
} finally {
  await browser.close();
}

async function take(name, hash, colorScheme, prepare = () => {}) {
  const context = await browser.newContext({ viewport: VIEWPORT, colorScheme });
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW);
  await page.route(({ pathname }) => pathname in RESPONSES, (route) => {
    const { pathname, searchParams } = new URL(route.request().url());
    // No new events arrive.
    if (!searchParams.has("after")) return route.fulfill({ json: RESPONSES[pathname] });
  });
  await page.goto(`${authUrl}/admin/${hash}`);
  await page.getByText(hash === "#/overview" ? "Token reuse detected" : "Safari on iPhone").first().waitFor();
  await page.getByText(users[0].email).first().waitFor();
  await page.evaluate(() => {
    document.activeElement.blur();
    for (const one of document.querySelectorAll("html, .panel-body")) one.style.overflow = "hidden";
  });
  await prepare(page);
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  await context.close();
}
