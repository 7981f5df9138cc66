import assert from "node:assert/strict";
import { ann, log } from "./control.mjs";
import { call, click, openDemo, register, waitForStatus } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

/** The steps of the drawing, each as "from to to: text". */
const steps = (page) => page.locator("#sequence .step").evaluateAll((all) => all.map((step) => step.textContent.replaceAll("✕", "")));

async function run(page, id, result) {
  await page.locator(`#${id}`).click();
  await page.locator("#experiment-state", { hasText: result }).waitFor();
  return steps(page);
}

const idle = (page, id) => page.locator(`#${id}[aria-busy=false]`).waitFor();

async function openWithUser(browser, name) {
  const page = await openDemo(browser);
  await register(page, { ...ann, name, email: `${name}@example.org` });
  return page;
}

/** The session of the page continues: its cookie is valid, and so is the user's token. */
async function assertUntouched(page, name) {
  await click(page, "#refresh");
  await waitForStatus(page, "Renewed");
  assert.equal((await call(page, "/protected", 200)).message, `Hello ${name}`);
}

scenario("a lost response is redelivered to the client, which retries by itself", [], async (browser) => {
  const page = await openWithUser(browser, "Ann");
  const drawn = await run(page, "lose-response", "The retry got the same successor");
  assert.deepEqual(drawn, [
    "Browser to Auth server: POST /auth/register",
    "Auth server to Browser: 201 · Session started · generation 0",
    "Browser to Auth server: POST /auth/refresh",
    "Auth server to Browser: 200 · Rotated · generation 0 → 1 · lost",
    "Browser to Auth server: POST /auth/refresh",
    "Auth server to Browser: 200 · Redelivered: the same successor · generation 0 → 1",
    "Browser to API: GET /protected",
    "API to Browser: 200 · Accepted",
  ]);
  await idle(page, "lose-response");
  assert.deepEqual(await log("/auth/me", "DELETE"), ["204 passed"], "the user of the experiment is deleted");
  await assertUntouched(page, "Ann");
});

scenario("a replayed token ends the session of the experiment only", [/401 .*\/auth\/refresh\)/], async (browser) => {
  const page = await openWithUser(browser, "Bea");
  const drawn = await run(page, "replay-token", "The session has ended");
  assert.ok(drawn.includes("Thief to Auth server: POST /auth/refresh"), drawn.join("\n"));
  assert.ok(drawn.includes("Auth server to Thief: 401 · Reuse detected: session ended · generation 0"), drawn.join("\n"));
  assert.ok(drawn.includes("Auth server to Browser: 401 · Reuse detected: session ended · generation 2"), drawn.join("\n"));
  await idle(page, "replay-token");
  await assertUntouched(page, "Bea");
});

scenario("two tabs that refresh at the same moment get the same successor", [], async (browser) => {
  const page = await openWithUser(browser, "Cleo");
  const drawn = await run(page, "two-tabs", "One rotation");
  const responses = drawn.filter((step) => /^Auth server to Tab [AB]: 200/.test(step)).map((step) => step.replace(/^.*: 200 · /, ""));
  assert.deepEqual(responses.sort(), [
    "Redelivered: the same successor · generation 0 → 1",
    "Rotated · generation 0 → 1",
    "Rotated · generation 1 → 2",
  ]);
  assert.equal(drawn.filter((step) => /^API to Tab [AB]: 200/.test(step)).length, 2);
  await idle(page, "two-tabs");
  await assertUntouched(page, "Cleo");
});

scenario("during an outage API calls continue, and the client renews afterwards", [], async (browser) => {
  const page = await openWithUser(browser, "Dora");
  await page.locator("#cut-off").click();
  await page.locator("#sequence .arrow.lost").first().waitFor();
  const before = (await log("/auth/refresh", "POST")).length;
  for (let step = 0; step < 24; step += 1) {
    await page.clock.fastForward(1_000);
    await page.waitForTimeout(50);
  }
  assert.equal(await page.locator("#experiment-state", { hasText: "cut off" }).count(), 0);
  for (let step = 0; step < 20 && !(await page.getByText("API calls never failed").isVisible()); step += 1) {
    await page.clock.fastForward(1_000);
    await page.waitForTimeout(50);
  }
  await page.locator("#experiment-state", { hasText: "API calls never failed" }).waitFor();
  const drawn = await steps(page);
  assert.equal(drawn.filter((step) => step === "API to Browser: 200 · Accepted").length, 4);
  assert.ok(drawn.at(-1).includes("200 · Rotated · generation 0 → 1"), drawn.at(-1));
  assert.ok((await log("/auth/refresh", "POST")).length > before, "the last retry reaches the server");
  await idle(page, "cut-off");
  await assertUntouched(page, "Dora");
});

scenario("an experiment that the server rejects says why", [/403 .*\/auth\/register\)/], async (browser) => {
  const page = await openDemo(browser);
  const problem = { status: 403, code: "registration_closed", detail: "Registration is closed." };
  await page.route("**/auth/register", (route) =>
    route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(problem) }),
  );
  await run(page, "two-tabs", "stopped. Registration is closed.");
  await idle(page, "two-tabs");
});
