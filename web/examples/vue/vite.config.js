import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue()],
  // Here, the packages are links to their sources, which find Vue next to the link.
  resolve: { preserveSymlinks: true },
});
