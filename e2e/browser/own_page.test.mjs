// A page of one's own on another port, as in development: it calls the servers directly, or through a development server.
import assert from "node:assert/strict";
import { createServer, request as send } from "node:http";
import { apiUrl, authUrl } from "./control.mjs";
import { scenario } from "./scenario.mjs";

const ann = { email: "ann@example.org", password: "correct horse battery staple" };
const PAGE = '<!doctype html><link rel="icon" href="data:," /><title>My page</title>';

/**
 * Serves the page, and passes other requests on as development servers do.
 *
 * @param headersFor  returns the headers that it sets, for a request and the URL that it passes it on to
 */
async function developmentServer(headersFor) {
  const server = createServer((request, response) => {
    if (request.url === "/") return response.setHeader("Content-Type", "text/html").end(PAGE);
    const isForApi = /^\/(protected|transfer)/.test(request.url);
    const target = new URL(request.url, isForApi ? apiUrl : authUrl);
    const headers = { ...request.headers, ...headersFor(request, target) };
    const passed = send(target, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return { server, url: `http://localhost:${server.address().port}` };
}

/** Vite's `server.proxy` keeps `Host`, or replaces it with `changeOrigin`. Rewrites of Next.js add `X-Forwarded-…`. */
const DEVELOPMENT_SERVERS = {
  vite: () => ({}),
  "vite with changeOrigin": (_, target) => ({ host: target.host }),
  "next rewrites": (request, target) => ({
    host: target.host,
    "x-forwarded-host": request.headers.host,
    "x-forwarded-proto": "http",
    "x-forwarded-port": request.headers.host.split(":")[1],
    "x-forwarded-for": request.socket.remoteAddress,
  }),
};

/** Signs in, calls the API, renews after a reload and signs out, with the client of the repository. */
async function session(page, options, apiBase, email) {
  const run = (body) =>
    page.evaluate(
      async ([options, apiBase, user, script, client]) => {
        const { createAuthClient } = await import(client);
        window.auth ??= createAuthClient(options);
        const steps = {
          signIn: () => auth.register(user).then(({ email }) => email),
          call: async () => (await (await auth.authFetch(`${apiBase}/protected`)).json()).user_id,
          transfer: async () => (await auth.authFetch(`${apiBase}/transfer`, { method: "POST" })).status,
          renew: async () => (await auth.refreshAccess()) !== null,
          signOut: () => auth.logout().then(() => auth.state.status),
        };
        return steps[script]();
      },
      [options, apiBase, { ...ann, email }, body, `${options.authUrl || ""}/client/auth.js`],
    );
  assert.equal(await run("signIn"), email);
  const id = await run("call");
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.equal(await run("transfer"), 200);
  await page.reload();
  assert.equal(await run("renew"), true, "the cookie survives a reload");
  assert.equal(await run("call"), id);
  assert.equal(await run("signOut"), "signed-out");
}

scenario("a page on another port calls both servers", [], async (browser) => {
  const { server, url } = await developmentServer(() => ({}));
  try {
    const page = await browser.newTab(`${url}/`);
    await session(page, { authUrl, apiOrigins: [apiUrl] }, apiUrl, "direct@example.org");
  } finally {
    server.close();
  }
});

for (const [name, headersFor] of Object.entries(DEVELOPMENT_SERVERS)) {
  scenario(`a page behind a development server works: ${name}`, [], async (browser) => {
    const { server, url } = await developmentServer(headersFor);
    try {
      const page = await browser.newTab(`${url}/`);
      await session(page, {}, "", `${name.toLowerCase().replaceAll(" ", "-")}@example.org`);
    } finally {
      server.close();
    }
  });
}
