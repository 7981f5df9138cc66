// The APIs of the recipes in JavaScript.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { testApi } from "./api.mjs";
import { files } from "./page.mjs";

const PAGES = ["express", "fastify", "hono"];

for (const page of PAGES) testApi(page, [process.execPath, "server.js"]);

test("every page has the verify.js that scripts/consumers.sh tests", async () => {
  const withoutFirstLine = (text) => text.slice(text.indexOf("\n") + 1);
  const tested = await readFile(new URL("../../docs/consumers/with_jose.js", import.meta.url), "utf8");
  for (const page of [...PAGES, "websocket-sse", "nextjs"]) {
    const [, shown] = (await files(page)).find(([name]) => /^(lib\/)?verify\.js$/.test(name));
    assert.equal(withoutFirstLine(shown), withoutFirstLine(tested), page);
  }
});
