// What `cargo run` starts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Starts both servers on free ports until the test ends. Returns what stack.json contains: URLs and administrator. */
export async function startLocalStack(t) {
  const folder = await mkdtemp(join(tmpdir(), "recipes-"));
  const free = ["--auth-addr=127.0.0.1:0", "--api-addr=127.0.0.1:0", `--data-dir=${folder}/data`];
  const program = spawn(process.env.LOCAL_STACK, free, { env: {}, stdio: "ignore" });
  t.after(async () => {
    program.kill("SIGKILL");
    await rm(folder, { recursive: true, maxRetries: 5 });
  });
  for (const end = Date.now() + 60_000; Date.now() < end && program.exitCode === null; await sleep(50)) {
    const stack = JSON.parse(await readFile(join(folder, "data/stack.json"), "utf8").catch(() => "null"));
    if (stack && (await isReady(stack.api_url))) return stack;
  }
  return assert.fail("the local stack did not start");
}

async function isReady(url) {
  const response = await fetch(`${url}/readyz`).catch(() => null);
  return response?.ok;
}
