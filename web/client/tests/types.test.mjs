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
  const declared = [...body.matchAll(/^  (\w+)\(/gm)].map(([, name]) => name);
  const client = module.createAuthClient({ authUrl: "http://localhost:8080", apiOrigins: [] });
  assert.deepEqual(declared.sort(), Object.keys(client).sort());
});
