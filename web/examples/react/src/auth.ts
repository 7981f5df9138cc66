import { createAuthClient } from "@latchkey/client";

// The addresses of `cargo run`.
export const apiUrl: string = import.meta.env.VITE_API_URL ?? "http://localhost:8081";

export const auth = createAuthClient({
  authUrl: import.meta.env.VITE_AUTH_URL ?? "http://localhost:8080",
  apiOrigins: [apiUrl],
});
