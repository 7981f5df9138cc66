// The APIs of the recipes in Rust, which are examples of shared-claims.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { testApi } from "./api.mjs";
import { files } from "./page.mjs";

const examples = join(dirname(process.env.AUTH_SERVER), "examples");

for (const page of ["actix", "axum"]) {
  testApi(page, [join(examples, page)]);

  test(`${page}: the page has the example of shared-claims`, async () => {
    const withoutFirstLine = (text) => text.slice(text.indexOf("\n") + 1);
    const source = await readFile(new URL(`../../shared-claims/examples/${page}.rs`, import.meta.url), "utf8");
    // The tests need no tokio with threads, which would compile all that depends on it once more.
    const tested = source.replace('#[tokio::main(flavor = "current_thread")]', "#[tokio::main]");
    const [[name, shown]] = await files(page);
    assert.equal(name, "src/main.rs");
    assert.equal(withoutFirstLine(shown), withoutFirstLine(tested));
  });
}
