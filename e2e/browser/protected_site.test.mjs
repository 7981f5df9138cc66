import assert from "node:assert/strict";
import { authUrl as site, person } from "./control.mjs";
import { scenario } from "./stage.mjs";

const WANTED = `${site}/app/report?a=1&b=%2F`;
/** The same proxy by its other name: to a browser, another site. */
const ELSEWHERE = site.replace("localhost", "127.0.0.1");
const CONTENT = "the app's";

/** What browsers report as errors: refusals, an address that has no icon, and Chromium an answer without content. */
const refused = [/status of 40[134]/, /favicon/, /\/login\/session \(net::ERR_ABORTED\)/];

/** Somebody who was registered elsewhere, and logs in here. */
async function logIn(page, email) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ ...person, email });
  const answer = await fetch(`${site}/auth/register`, { method: "POST", headers, body });
  assert.equal(answer.status, 201);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText(CONTENT).waitFor();
}

/** A tab that goes there, by its address or from a page of another site, and the calls and pages that this took. */
async function visit(stage, url, from) {
  const page = await stage.tab(from ?? "about:blank");
  const asked = [];
  page.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
  if (from) await page.evaluate((url) => location.assign(url), url);
  // The page that comes first may not be the last.
  else await page.goto(url, { waitUntil: "commit" });
  return { page, asked };
}

const count = (asked, what) => asked.filter((one) => one === what).length;

scenario("people are asked for the password once, and then let in wherever they come from", refused, async (stage) => {
  const { page } = await visit(stage, WANTED);
  await logIn(page, "ann@example.org");
  assert.equal(page.url(), WANTED);
  const cookies = await stage.person.cookies(site);
  const unreadable = cookies.filter((cookie) => cookie.httpOnly).map((cookie) => cookie.name);
  assert.deepEqual(unreadable.sort(), ["__Host-access_token", "__Host-device", "__Host-refresh_token"]);

  const again = await visit(stage, WANTED);
  await again.page.getByText(CONTENT).waitFor();
  assert.deepEqual(again.asked, ["GET /app/report"], "whose token is good, goes straight in");

  await stage.advance(16 * 60);
  const renewed = await visit(stage, WANTED);
  await renewed.page.getByText(CONTENT).waitFor();
  assert.equal(renewed.page.url(), WANTED);
  assert.equal(count(renewed.asked, "POST /auth/refresh"), 1, renewed.asked);

  // The browser leaves the cookies at home here, and not when our page goes on.
  const linked = await visit(stage, WANTED, `${ELSEWHERE}/login/login.css`);
  await linked.page.getByText(CONTENT).waitFor();
  assert.equal(linked.page.url(), WANTED);
  assert.equal(count(linked.asked, "GET /login/"), 1, "they were left at home");
  assert.equal(count(linked.asked, "POST /auth/refresh"), 0, "no token is spent for that");

  const forbidden = await stage.tab("about:blank");
  const answer = await forbidden.goto(`${site}/app/admin/`);
  assert.deepEqual([answer.status(), forbidden.url()], [403, `${site}/app/admin/`], "a missing role is no missing session");
});

scenario("nobody goes round in circles, whatever the servers think of the token", refused, async (stage) => {
  const { page } = await visit(stage, WANTED);
  await logIn(page, "bob@example.org");
  await stage.person.clearCookies({ name: "__Host-access_token" });

  // What a clock that is off looks like: a token that is new, and not good.
  const bad = { status: 401, contentType: "application/problem+json", body: '{"code":"token_expired"}' };
  await stage.person.route("**/login/session", (route) => route.fulfill(bad));
  await stage.person.route("**/auth/refresh", (route) => route.fulfill({ status: 200, body: "{}" }));
  const refusedOnce = await visit(stage, WANTED);
  await refusedOnce.page.getByText("not accepted").waitFor();
  assert.equal(count(refusedOnce.asked, "GET /app/report"), 1);

  await stage.person.route("**/login/session", (route) => route.fulfill({ status: 204 }));
  const refusedTwice = await visit(stage, WANTED);
  await refusedTwice.page.getByText("not accepted").waitFor();
  assert.equal(count(refusedTwice.asked, "GET /app/report"), 2, "it was worth a try, and no more");

  await stage.person.unrouteAll();
  await refusedTwice.page.getByRole("button", { name: "Try again" }).click();
  await refusedTwice.page.getByText(CONTENT).waitFor();
});

scenario("the page leads nowhere but to this host", refused, async (stage) => {
  const page = await stage.tab(`${site}/login/`);
  const target = (search, hash = "") =>
    page.evaluate(
      async ([origin, search, hash]) => {
        const { returnTarget } = await import("/login/return_target.js");
        return returnTarget({ origin, search, hash }).href;
      },
      [site, search, hash],
    );
  for (const path of ["/", "/app/", "/app/?a=1&b=2&return=/x", "/app/%2F%2Fevil.example", "/loginx", "/a//b", "/ä"]) {
    assert.equal(await target(`?return=${path}`), new URL(path, site).href);
  }
  assert.equal(await target("?return=/app/", "#part"), `${site}/app/#part`);
  const bad = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", "///evil.example",
    "https://evil.example", "javascript:alert(1)", "evil.example", "/app\\..\\x", "", "%2F%2Fevil.example", "/login/",
    "/login/?return=/login/", "/login", "/x/../login/", "/auth/refresh", "http:evil.example", "@evil.example", " /app",
  ];
  for (const text of bad) assert.equal(await target(`?return=${text}`), `${site}/`, JSON.stringify(text));
  assert.equal(await target("?other=1&return=//evil.example"), `${site}/`);
  const sneaky = await target("?return=/.//evil.example/");
  assert.equal(new URL(sneaky).origin, site, sneaky);
});
