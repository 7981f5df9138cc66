// The demo page, as a person sees it.
import assert from "node:assert/strict";
import { authUrl, person } from "./control.mjs";

/** Opens it in a new tab, and waits until it has made up its mind. */
export async function openDemo(stage, somebody) {
  const page = await stage.tab(`${authUrl}/`, somebody);
  await page.locator("#logged-in, #logged-out").filter({ visible: true }).waitFor();
  return page;
}

export const seesLoginForm = (page) => page.locator("#logged-out").waitFor();

/** With the name, which only the server can have told. */
export const seesName = (page, name = person.name) => page.getByRole("heading", { name: `Hello ${name}` }).waitFor();

/** Waits for these words where the page says what has happened. */
export const isTold = (page, words) => page.locator("#status", { hasText: words }).waitFor();

export async function register(page, { name, email, password } = person) {
  await fill(page, "#register-form", { name, email, password });
  await seesName(page, name);
}

export async function logIn(page, { name, email, password } = person) {
  await fill(page, "#login-form", { email, password });
  await seesName(page, name);
}

export async function logOut(page) {
  await click(page, "#logout");
  await seesLoginForm(page);
}

/** From now on the access token is renewed only when something needs it. */
export async function stopRenewing(page) {
  await page.bringToFront();
  await page.locator("#renew-by-itself").uncheck();
}

/** Clicks a button, and waits until what it stands for is done. In front, since a tab behind is drawn once a second. */
export async function click(page, button) {
  await page.bringToFront();
  await page.locator(button).click();
  await isDone(page, button);
}

export const isDone = (page, button) => page.locator(`${button}[aria-busy=false]`).waitFor({ state: "attached" });

export const callButton = (path) => `[data-call="${path}"]`;

/** Calls the API, and expects this status; returns what was answered. */
export async function call(page, path, status) {
  await click(page, callButton(path));
  return showsAnswer(page, path, status);
}

export async function showsAnswer(page, path, status) {
  const [line, ...body] = (await page.locator("#answer").innerText()).split("\n");
  assert.match(line, new RegExp(`^${status} [A-Z]+ ${path}$`), body.join("\n"));
  return JSON.parse(body.join("\n"));
}

/** Opens a part of the account card. */
export async function openPart(page, part) {
  await page.bringToFront();
  await page.locator(`#${part} summary`).click();
}

/** A login in the list of them: its item, by whether it is this browser's. */
export const loginItem = (page, { current }) =>
  page.locator("#session-list li").filter(current ? { hasText: "this one" } : { hasNotText: "this one" });

/** Waits for the dialog that asks for the password, and gives this one. */
export async function confirm(page, password) {
  await page.locator("#confirmation [name=current_password]").fill(password);
  await page.keyboard.press("Enter");
}

/** Waits until the dialog has gone, or has come. */
export const seesDialog = (page, state = "visible") => page.locator("#confirmation").waitFor({ state });

async function fill(page, form, fields) {
  await page.bringToFront();
  for (const [name, value] of Object.entries(fields)) await page.locator(`${form} [name=${name}]`).fill(value);
  await page.locator(`${form} button`).click();
}
