// Server-side rendering: no page, no global state, and a first state that the browser renders as well.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { createAuthClient } from "@latchkey/client";

const auth = createAuthClient({ authUrl: "https://auth.example.org", apiOrigins: ["https://api.example.org"] });

test("React renders the loading state on a server", async () => {
  const { createElement: h } = await import("react");
  const { renderToString } = await import("react-dom/server");
  const { AuthProvider, Protected, SignedIn, SignedOut, useAuth } = await import("@latchkey/react");
  const Status = () => useAuth().status;
  const page = h(
    AuthProvider,
    { client: auth },
    h(Status),
    h(SignedIn, null, "signed in"),
    h(SignedOut, null, "signed out"),
    h(Protected, { loading: "…", fallback: "no user" }, "secret"),
  );
  assert.equal(renderToString(page).replaceAll("<!-- -->", ""), "loading…");
  assert.throws(() => renderToString(h(Status)), /requires <AuthProvider/);
});

test("React renders the loading state first, even if the client already has another one", async () => {
  const { createElement: h } = await import("react");
  const { renderToString } = await import("react-dom/server");
  const { AuthProvider, Protected } = await import("@latchkey/react");
  // Hydration fails unless the browser's first render is what the server has rendered.
  const signedIn = { ...auth, state: { status: "signed-in", user: { id: "1", roles: [] } }, subscribe: () => () => {} };
  const page = h(AuthProvider, { client: signedIn }, h(Protected, { loading: "…" }, "secret"));
  assert.equal(renderToString(page), "…");
});

test("Vue renders the loading state on a server", async () => {
  const { createSSRApp, h } = await import("vue");
  const { renderToString } = await import("vue/server-renderer");
  const { createAuth, Protected, SignedIn, SignedOut, useAuth } = await import("@latchkey/vue");
  const App = {
    setup() {
      const { status } = useAuth();
      return () => [
        status.value,
        h(SignedIn, () => "signed in"),
        h(SignedOut, () => "signed out"),
        h(Protected, null, { default: () => "secret", loading: () => "…", fallback: () => "no user" }),
      ];
    },
  };
  const html = await renderToString(createSSRApp(App).use(createAuth(auth)));
  assert.equal(html.replaceAll(/<!--.*?-->/g, ""), "loading…");
  await assert.rejects(renderToString(createSSRApp(App)), /requires app\.use/);
});

test("Svelte compiles the components without warnings, for servers and browsers", async () => {
  const { compile } = await import("svelte/compiler");
  for (const name of ["Protected", "SignedIn", "SignedOut"]) {
    const source = await readFile(new URL(`../../svelte/${name}.svelte`, import.meta.url), "utf8");
    for (const generate of ["server", "client"]) {
      assert.deepEqual(compile(source, { filename: `${name}.svelte`, generate }).warnings, []);
    }
  }
});
