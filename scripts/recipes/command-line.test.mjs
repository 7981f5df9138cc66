// The program of the recipe for the command line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { access, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startGreeter, startLossyProxy } from "./lossy.mjs";
import { extract } from "./page.mjs";
import { startStack } from "./stack.mjs";

const NOT_SIGNED_IN = "You are not signed in: run hello.py login EMAIL\n";

test("command-line: the session is shared by runs, and survives lost responses and outages", async (t) => {
  // Without a grace period, every mistake ends the session at once.
  const stack = await startStack(t, { REFRESH_REUSE_GRACE: "0s" });
  const [auth, api] = [await startLossyProxy(t, stack.url), await startGreeter(t)];
  await stack.user("Ann");
  const folder = await extract("command-line");
  const state = join(folder, "state");
  const file = join(state, "hello/session.json");
  const env = { PATH: process.env.PATH, XDG_STATE_HOME: state, AUTH_URL: auth.url, API_URL: api.url };
  const hello = (args, input = "") => run(["hello.py", ...args], { cwd: folder, env }, input);
  const expire = async () => {
    const session = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...session, expires_at: 0 }));
    return session;
  };
  const greeted = { status: 0, output: "Hello Ann\n", error: "" };
  const logIn = () => hello(["login", "ann@example.org"], "correct horse battery staple\n");

  assert.deepEqual(await hello(["show"]), { status: 1, output: "", error: NOT_SIGNED_IN });
  assert.equal((await hello(["login", "ann@example.org"], "wrong\n")).status, 1);
  assert.deepEqual(await logIn(), { status: 0, output: "", error: "" });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(join(state, "hello"))).mode & 0o777, 0o700);
  assert.deepEqual(await hello(["show"]), greeted);
  assert.equal(auth.refreshes(), 0, "a valid access token is used again");

  await expire();
  const runs = await Promise.all(Array.from({ length: 6 }, () => hello(["show"])));
  assert.deepEqual(runs, Array(6).fill(greeted));
  assert.equal(auth.refreshes(), 1, "of several runs, one refreshes");
  assert.equal((await stat(file)).mode & 0o777, 0o600);

  api.rejectLast();
  assert.deepEqual(await hello(["show"]), greeted);
  assert.equal(auth.refreshes(), 2, "a token that the API rejects is replaced");

  for (const fate of ["lose", "fail"]) {
    await expire();
    auth.next = fate;
    const failed = await hello(["show"]);
    assert.deepEqual([failed.status, failed.output], [1, ""], fate);
    assert.match(failed.error, /^hello\.py: .+\n$/, "one line, and no traceback");
    assert.deepEqual(await hello(["show"]), greeted, `the next run after the response to ${fate}`);
  }

  const { refresh_token } = await expire();
  await stack.post("/auth/logout", { refresh_token });
  assert.deepEqual(await hello(["show"]), { status: 1, output: "", error: NOT_SIGNED_IN });
  await assert.rejects(access(file), "the file of a session that has ended is deleted");

  await logIn();
  assert.equal((await hello(["logout"])).status, 0);
  await assert.rejects(access(file));
  assert.equal((await hello([])).status, 1);
});

/** Runs python3 to its end. */
async function run(args, options, input) {
  const program = spawn("python3", args, options);
  program.stdin.end(input);
  const [output, error, status] = await Promise.all([
    program.stdout.toArray(),
    program.stderr.toArray(),
    new Promise((resolve) => program.on("close", resolve)),
  ]);
  return { status, output: Buffer.concat(output).toString(), error: Buffer.concat(error).toString() };
}
