// Builds the documents as a book, and checks its links.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const root = new URL("../../", import.meta.url).pathname;
/** Pages that mdBook composes of others. */
const COMPOSED = ["print.html", "404.html", "toc.html"];

test("the links in the book lead to its pages and headings", async () => {
  const book = join(process.env.WORK_FOLDER, "book");
  await rm(book, { recursive: true, force: true });
  const mdbook = join(process.env.PYTHON_LONG_FOLDER, "bin/mdbook");
  await promisify(execFile)(mdbook, ["build", "--dest-dir", book, root]);
  const files = (await readdir(book, { recursive: true })).filter((file) => !file.includes("node_modules"));
  const pages = files.filter((file) => file.endsWith(".html") && !COMPOSED.includes(file));
  const texts = new Map(await Promise.all(pages.map(async (page) => [page, await readFile(join(book, page), "utf8")])));
  assert.ok(texts.get("recipes/react.html").includes("Hello ann"));
  for (const [page, text] of texts) {
    for (const [, link] of text.replace(/<pre>.*?<\/pre>/gs, "").matchAll(/(?:href|src)="(?!\w+:)([^"]+)"/g)) {
      const [path, anchor] = link.split("#");
      const target = path ? normalize(join(dirname(page), path)) : page;
      assert.ok(files.includes(target), `${page}: ${link}`);
      if (anchor) assert.ok(texts.get(target)?.includes(`id="${anchor}"`), `${page}: ${link}`);
    }
  }
});
