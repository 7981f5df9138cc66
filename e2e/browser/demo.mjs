// Drives the demo page.
import assert from "node:assert/strict";
import { ann, authUrl } from "./control.mjs";

/** Opens the page in a new tab and waits until it shows the user, or that no user is signed in. */
export async function openDemo(browser, context) {
  const page = await browser.newTab(`${authUrl}/`, context);
  // Until its first refresh is finished, the page shows a session without its user.
  await page.locator("#user-facts, #signed-out").filter({ visible: true, hasNotText: "Loading" }).waitFor();
  return page;
}

export const waitForSignInForm = (page) => page.locator("#signed-out").waitFor();

/** Waits until the page shows the user's name, which it gets from the server. */
export const waitForUser = (page, name = ann.name) =>
  page.getByRole("heading", { name: `Signed in as ${name}` }).waitFor();

/** Waits until the status line contains this text. */
export const waitForStatus = (page, text) => page.locator("#status", { hasText: text }).waitFor();

export async function register(page, { name, email, password } = ann) {
  await submit(page, "register", { name, email, password });
  await waitForUser(page, name);
}

export async function signIn(page, { name, email, password } = ann) {
  await submit(page, "login", { email, password });
  await waitForUser(page, name);
}

export async function signOut(page) {
  await click(page, "#logout");
  await waitForSignInForm(page);
}

/** Hides the page from its scripts: from now on the token is renewed only when a call needs it. */
export async function stopRenewing(page) {
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
}

/** Clicks a button and waits for its action. The tab is brought to the front: background tabs render once a second. */
export async function click(page, button) {
  await page.bringToFront();
  await page.locator(button).click();
  await waitUntilIdle(page, button);
}

export const waitUntilIdle = (page, button) => page.locator(`${button}[aria-busy=false]`).waitFor({ state: "attached" });

export const callButton = (path) => `[data-call="${path}"]`;

/** Calls the API, asserts the status and returns the response's JSON body. */
export async function call(page, path, status) {
  await click(page, callButton(path));
  return shownResponse(page, path, status);
}

/** Asserts the path and status of the response shown, and returns its JSON body. */
export async function shownResponse(page, path, status) {
  const [line, ...body] = (await page.locator("#response").innerText()).split("\n");
  assert.match(line, new RegExp(`^${status} [A-Z]+ ${path}$`), body.join("\n"));
  return JSON.parse(body.join("\n"));
}

/** Opens or closes a section of the account card. */
export async function toggleSection(page, id) {
  await page.bringToFront();
  await page.locator(`#${id} summary`).click();
}

/** The items in the list of sessions: the current session's, or all others. */
export const sessionItem = (page, { current }) =>
  page.locator("#session-list li").filter(current ? { hasText: "Current session" } : { hasNotText: "Current session" });

/** Enters the password in the dialog. */
export async function confirmPassword(page, password) {
  await page.locator("#confirmation [name=current_password]").fill(password);
  await page.keyboard.press("Enter");
}

export const waitForDialog = (page, state = "visible") => page.locator("#confirmation").waitFor({ state });

/** Fills and submits the form of this tab: "register" or "login". */
async function submit(page, name, fields) {
  await page.bringToFront();
  await page.locator(`#${name}-tab`).click();
  const form = `#${name}-form`;
  for (const [field, value] of Object.entries(fields)) await page.locator(`${form} [name=${field}]`).fill(value);
  await page.locator(`${form} button`).click();
}
