import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import * as module from "../auth.js";
import { browser } from "./browser.mjs";

const types = await readFile(new URL("../auth.d.ts", import.meta.url), "utf8");

test("the types declare exactly the module's exports", () => {
  const declared = [...types.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(declared.sort(), Object.keys(module).sort());
});

test("the types declare exactly the client's methods", (t) => {
  browser(t);
  const [, body] = types.match(/interface AuthClient \{(.*?)\n\}/s);
  const declared = [...body.matchAll(/^  (?:readonly )?(\w+)[<(:]/gm)].map(([, name]) => name);
  const client = module.createAuthClient({ authUrl: "http://localhost:8080", apiOrigins: [] });
  assert.deepEqual(declared.sort(), Object.keys(client).sort());
});

/** The string literals of an exported union. */
function union(name) {
  const [, body] = types.match(new RegExp(`export type ${name} =(.*?);\n`, "s"));
  return [...body.matchAll(/\| "(\w+)"/g)].map(([, literal]) => literal);
}

const rust = (path) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");

/** Those of the client. */
const OWN_CODES = ["unreachable", "unexpected_response", "passkey_cancelled", "passkey_exists", "passkey_unsupported"];

test("AuthErrorCode has all codes of the server, and those of the client", async () => {
  const source = await rust("shared-claims/src/http/code.rs");
  const codes = [...source.matchAll(/=> \(\d+, "(\w+)"/g)].map(([, code]) => code);
  assert.ok(codes.includes("session_ended"));
  assert.deepEqual([...codes, ...OWN_CODES].filter((code) => !union("AuthErrorCode").includes(code)), []);
});

test("SessionEndReason has all reasons of the server, and one of the client", async () => {
  const source = await rust("auth-server/src/model/session.rs");
  const [, reasons] = source.match(/impl EndReason \{(.*?)\n\}/s);
  const names = [...reasons.matchAll(/=> "(\w+)"/g)].map(([, name]) => name);
  assert.ok(names.includes("revoked"));
  assert.deepEqual(union("SessionEndReason").sort(), [...names, "missing_token"].sort());
});
