// The code of a recipe. A block that begins with a comment with a file name is a file.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const docs = new URL("../../docs/recipes/", import.meta.url);
const BLOCK = /^```\w+\n(.*?)^```$/gms;
/** `// server.js`, `# main.py`, `<!-- src/App.vue -->`: a line with nothing but a path that has an extension. */
const NAME = /^(?:\/\/|#|<!--) ([\w./[\]-]+\.\w+)(?: -->)?$/;

/** The files of docs/recipes/PAGE.md: [name, text]. */
export async function files(page) {
  const text = await readFile(new URL(`${page}.md`, docs), "utf8");
  const blocks = [...text.matchAll(BLOCK)].map(([, block]) => [NAME.exec(block.split("\n", 1)[0])?.[1], block]);
  return blocks.filter(([name]) => name);
}

/**
 * Writes the files of a page to a new folder, where packages of scripts/recipes/package.json are found.
 *
 * @param {Record<string, string>} [changes] texts to replace, such as addresses, and what replaces them
 * @param {string} [name] of the folder
 * @returns the folder
 */
export async function extract(page, changes = {}, name = page) {
  const folder = join(process.env.WORK_FOLDER, "pages", name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  await writeFiles(page, folder, changes);
  return folder;
}

export async function writeFiles(page, folder, changes = {}) {
  for (const [name, text] of await files(page)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), replaced(text, Object.entries(changes)));
  }
}

/** Does not search the new texts: an address with port 30008 contains one with port 3000. */
function replaced(text, [change, ...others]) {
  if (!change) return text;
  const [from, to] = change;
  return text.split(from).map((part) => replaced(part, others)).join(to);
}
