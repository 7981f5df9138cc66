import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte()],
  // Here, the packages are links to their sources, which find Svelte next to the link.
  resolve: { preserveSymlinks: true },
});
