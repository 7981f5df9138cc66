// Builds the projects of the recipes step by step, and opens them in Chromium.
import { execFile } from "node:child_process";
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { TestBrowser } from "../../e2e/browser/scenario.mjs";
import { startLocalStack } from "./local_stack.mjs";
import { installClient } from "./packages.mjs";
import { extract, writeFiles } from "./page.mjs";
import { startServer } from "./stack.mjs";

const modules = new URL("node_modules/", import.meta.url).pathname;
const PASSWORD = "correct horse battery staple";

for (const name of ["react", "vue", "svelte"]) {
  test(`${name}: from "npm create vite" to "Hello ann"`, async (t) => {
    const stack = await startLocalStack(t);
    const cwd = await createProject(name);
    const env = { VITE_AUTH_URL: stack.auth_url, VITE_API_URL: stack.api_url };
    const vite = [process.execPath, join(modules, "vite/bin/vite.js"), "--port={port}", "--strictPort"];
    await play(t, await startServer(t, vite, { cwd, env }), stack);
  });
}

test('plain page: from an empty folder to "Hello ann"', async (t) => {
  const stack = await startLocalStack(t);
  const changes = { "http://localhost:8080": stack.auth_url, "http://localhost:8081": stack.api_url };
  const cwd = await extract("plain-page", changes);
  await cp(new URL("../../web/client/", import.meta.url), join(cwd, "client"), { recursive: true });
  await play(t, await startServer(t, ["python3", "-m", "http.server", "{port}"], { cwd }), stack);
});

/** `npm create vite`, with the template of the pinned version, and the packages of this folder. */
async function createProject(name) {
  const projects = join(process.env.WORK_FOLDER, "projects");
  const folder = join(projects, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(projects, { recursive: true });
  const arguments_ = [join(modules, "create-vite/index.js"), name, "--template", name, "--no-interactive"];
  await promisify(execFile)(process.execPath, arguments_, { cwd: projects });
  await installClient(folder, ["client", name]);
  await writeFiles(name, folder);
  return folder;
}

async function play(t, url, stack) {
  const browser = new TestBrowser();
  t.after(() => browser.close());
  await browser.launch();
  const page = await browser.newTab(url);
  try {
    await useAccount(browser, page, url, stack);
  } catch (error) {
    for (const text of [...browser.errors, await page.locator("body").innerText()]) t.diagnostic(`in the browser: ${text}`);
    throw error;
  }
}

async function useAccount(browser, page, url, stack) {
  const press = (name, on = page) => on.getByRole("button", { name }).click();
  // At the first visit Vite finds the packages, and reloads the page.
  await page.waitForLoadState("networkidle");
  await submit(page, "ann@example.org", PASSWORD, "Create account");
  await page.getByText("Signed in as ann@example.org").waitFor();
  await press("Call the API");
  await page.getByText("Hello ann").waitFor();

  await page.reload();
  const tab = await browser.newTab(url);
  for (const each of [page, tab]) await each.getByText("Signed in as ann@example.org").waitFor();
  await press("Sign out", tab);
  await submit(page, "ann@example.org", "a wrong password", "Sign in");
  await page.getByText("The name or the password is wrong").waitFor();
  await submit(page, stack.admin_email, stack.admin_password, "Sign in");
  await page.getByText("You are an administrator.").waitFor();
}

async function submit(page, email, password, button) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: button }).click();
}
