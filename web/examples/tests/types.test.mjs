import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const folder = new URL("../", import.meta.url);
const tsc = new URL("node_modules/typescript/bin/tsc", folder).pathname;

test("the example in React and the uses in types/ pass tsc --strict", async () => {
  const failed = await promisify(execFile)(process.execPath, [tsc, "--project", "."], { cwd: folder }).catch((error) => error);
  assert.equal(failed.code, undefined, failed.stdout);
});
