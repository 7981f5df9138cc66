import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // Here, the packages are links to their sources, which find React next to the link.
  resolve: { preserveSymlinks: true },
});
