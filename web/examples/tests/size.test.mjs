// The sizes as applications ship them: minified by terser and compressed by gzip.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { compile } from "svelte/compiler";
import { minify } from "terser";

const web = new URL("../../", import.meta.url).pathname;

/** In bytes. */
const LIMITS = { "client/auth.js": 4000, "client/factors.js": 3000, "react/index.js": 1500, "vue/index.js": 1500, "svelte/index.js": 1500 };

const svelte = {
  name: "svelte",
  setup: (build) =>
    build.onLoad({ filter: /\.svelte$/ }, async ({ path }) => {
      const { js } = compile(await readFile(path, "utf8"), { filename: path, dev: false });
      return { contents: js.code };
    }),
};

for (const [file, limit] of Object.entries(LIMITS)) {
  test(`${file} has at most ${limit} bytes`, async (t) => {
    const external = ["react", "vue", "svelte", "svelte/*"];
    const options = { bundle: true, format: "esm", write: false, plugins: [svelte], external };
    const { outputFiles } = await build({ ...options, entryPoints: [web + file] });
    const { code } = await minify(outputFiles[0].text, { module: true, compress: { passes: 3, unsafe_arrows: true } });
    const size = gzipSync(code, { level: 9 }).length;
    t.diagnostic(`${size} bytes`);
    assert.ok(size > 200 && size <= limit, `${size} bytes`);
  });
}
