// Steps in the administrators' console.
import assert from "node:assert/strict";
import { ann, authUrl } from "./control.mjs";

/** The administrator of the stack, and what all its users have in common. */
export const host = { email: "host@example.org", password: ann.password };

/** Signs in without a form: the cookie is the context's. */
export async function signInTo(context, { email, password }) {
  const response = await context.request.post(`${authUrl}/auth/login`, { data: { email, password } });
  assert.equal(response.status(), 200, email);
  return (await response.json()).user;
}

/** Calls the API with the session of the context. */
export async function callAs(context, method, path, data) {
  const response = await context.request.fetch(`${authUrl}${path}`, { method, data });
  assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.status() === 200 || response.status() === 201 ? response.json() : null;
}

export const userId = (number) => `${String(number).padStart(8, "0")}-0000-4000-8000-000000000000`;

/** Opens a view, and waits until nothing is loading. */
export async function openView(page, hash, heading) {
  await page.goto(`${authUrl}/admin/${hash}`);
  await page.getByRole("heading", { name: heading, level: 1, exact: true }).waitFor();
  await settled(page);
}

export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true], .list > .skeleton, .placeholder, .placeholder-box:not(#skeleton *)"));
}

/** Gives the password in the dialog that changes require after five minutes. */
export async function confirmPassword(page, password = ann.password) {
  const dialog = page.getByRole("dialog", { name: "Confirm your password" });
  await dialog.getByLabel("Password").fill(password);
  await dialog.getByRole("button", { name: "Confirm" }).click();
}
