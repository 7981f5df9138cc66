// Installs packages of this repository as the pages do, but without the registry.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const web = new URL("../../web/", import.meta.url).pathname;

/** Packs @latchkey/client, or other packages in web/, and unpacks them into node_modules. */
export async function installClient(folder, names = ["client"]) {
  for (const name of names) {
    const { stdout } = await run("npm", ["pack", "--silent", join(web, name)], { cwd: folder });
    const target = join(folder, "node_modules/@latchkey", name);
    await mkdir(target, { recursive: true });
    await run("tar", ["-xzf", stdout.trim(), "-C", target, "--strip-components=1"], { cwd: folder });
  }
}
