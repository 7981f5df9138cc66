// The account of the signed-in user: one module for each section.
import { onClick } from "../form.js";
import "../password_field.js";
import { activity } from "./activity.js";
import { auth, loginUrl } from "./client.js";
import { deletion } from "./deletion.js";
import { devices } from "./devices.js";
import { email } from "./email.js";
import { watchSession } from "./ended.js";
import { factors } from "./factors.js";
import { password } from "./password.js";
import { profile } from "./profile.js";

/** Sections that show lists are loaded again if the user comes back to the tab after this time. */
const STALE_MS = 30_000;
const sections = [profile, password, factors, email, devices, activity, deletion];
const element = (id) => document.getElementById(id);

await auth.ready;
// A page of another origin may have started the session.
if (auth.state.status !== "signed-in") await auth.refreshAccess().catch(() => null);
if (auth.state.status === "signed-out") location.replace(loginUrl());
else open();

function open() {
  element("offline").hidden = auth.state.status === "signed-in";
  if (auth.state.status === "signed-in") return show();
  // The client retries by itself.
  const stop = auth.subscribe(({ status }) => {
    if (status !== "signed-in") return;
    stop();
    open();
  });
}

async function show() {
  watchSession();
  showName();
  for (const type of ["user-updated", "renewed"]) auth.on(type, showName);
  // All at once, so that nothing moves.
  await Promise.all(sections.map(({ start }) => start()));
  if (auth.state.status !== "signed-in") return;
  element("loading").hidden = true;
  element("view").hidden = element("sign-out").hidden = false;
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
  onClick(element("sign-out"), signOut, () => (element("offline").hidden = false));
  document.addEventListener("confirmed", () => activity.reload());
  let loadedAt = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || Date.now() - loadedAt < STALE_MS) return;
    loadedAt = Date.now();
    devices.reload();
    activity.reload();
  });
}

function showName() {
  const { name, username, email } = auth.state.user ?? {};
  if (email) element("who").textContent = name ?? username ?? email;
}

async function signOut() {
  await auth.logout();
  location.assign("login");
}
