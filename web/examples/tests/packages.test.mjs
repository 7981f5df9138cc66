// The packages as npm would publish them, installed in an empty project.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = new URL("../../../", import.meta.url);
const web = new URL("../../", import.meta.url);
const NAMES = ["client", "react", "vue", "svelte"];
const tsc = new URL("../node_modules/typescript/bin/tsc", import.meta.url).pathname;
const manifest = async (name) => JSON.parse(await readFile(new URL(`${name}/package.json`, web), "utf8"));

async function emptyProject(t) {
  const folder = await mkdtemp(join(tmpdir(), "project-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  return folder;
}

async function pack(name, folder) {
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: new URL(name, web) });
  const [{ filename, files }] = Object.values(JSON.parse(stdout));
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

for (const name of NAMES) {
  test(`@latchkey/${name} can be published as it is`, async (t) => {
    const { files } = await pack(name, await emptyProject(t));
    const { private: isPrivate, dependencies, scripts, ...all } = await manifest(name);
    for (const file of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "package.json"]) assert.ok(files.includes(file), file);
    assert.ok(!files.some((file) => file.includes("test")), files.join());
    assert.ok(files.includes(all.types.slice(2)));
    assert.deepEqual([isPrivate, dependencies, scripts?.install, scripts?.postinstall], Array(4).fill(undefined));
    assert.deepEqual(all.publishConfig, { access: "public", provenance: true });
    assert.equal(all.repository.directory, `web/${name}`);
    assert.deepEqual([all.license, all.engines.node, all.type], ["MIT OR Apache-2.0", ">=20", "module"]);
    const framework = name === "client" ? [] : [name];
    const peers = name === "client" ? [] : ["@latchkey/client", ...framework];
    assert.deepEqual(Object.keys(all.peerDependencies ?? {}), peers);
    for (const license of ["LICENSE-MIT", "LICENSE-APACHE"]) {
      const [own, common] = await Promise.all([new URL(`${name}/`, web), root].map((base) => readFile(new URL(license, base))));
      assert.deepEqual(own, common);
    }
  });
}

test("an empty project installs the client, imports it in Node.js and checks its types", async (t) => {
  const folder = await emptyProject(t);
  const { tarball } = await pack("client", folder);
  await run("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", tarball], { cwd: folder });
  const program = `import { AuthError, createAuthClient } from "@latchkey/client";
    const auth = createAuthClient({ authUrl: "http://localhost:1", tokenDelivery: "body" });
    const error = await auth.login({ email: "a@example.org", password: "x" }).catch((error) => error);
    console.log(auth.state.status, error instanceof AuthError, error.code);`;
  await writeFile(join(folder, "program.js"), program);
  const { stdout } = await run(process.execPath, ["program.js"], { cwd: folder });
  assert.equal(stdout.trim(), "signed-out true unreachable");

  const typed = `import { type AuthState, createAuthClient } from "@latchkey/client";
    const state: AuthState = createAuthClient().state;
    export const name: string | null = state.status === "signed-in" ? state.user.name : null;`;
  await writeFile(join(folder, "typed.ts"), typed);
  const flags = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"];
  await run(process.execPath, [tsc, ...flags, "typed.ts"], { cwd: folder });
});

test("the lock file names no registry", async () => {
  const { packages } = JSON.parse(await readFile(new URL("../package-lock.json", import.meta.url), "utf8"));
  for (const [path, { resolved, link }] of Object.entries(packages)) assert.ok(link || !resolved, path);
});
