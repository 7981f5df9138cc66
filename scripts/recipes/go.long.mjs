// The API of the recipe for Go.
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { testApi } from "./api.mjs";

const installed = join(process.env.PYTHON_LONG_FOLDER, "bin/go");
const go = await access(installed).then(() => installed, () => "go");
// Without a module proxy and other toolchains: the page needs neither.
const env = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod", GOPROXY: "off" };

testApi("go", ["./hello-go"], { prepare, newKey: true });

async function prepare(folder) {
  for (const args of [["mod", "init", "example.org/hello-go"], ["vet", "."], ["build", "."]]) {
    await promisify(execFile)(go, args, { cwd: folder, env });
  }
}
