// Validates each input line with docs/consumers/with_jose.js, and prints a line of JSON: {status, claims}.

import { createInterface } from "node:readline";

// Node.js 18 has no global crypto.
globalThis.crypto ??= (await import("node:crypto")).webcrypto;
const { validate } = await import("../../docs/consumers/with_jose.js");

for await (const token of createInterface({ input: process.stdin })) {
  let result;
  try {
    result = { status: 200, claims: await validate(token) };
  } catch (error) {
    result = { status: error.status };
  }
  console.log(JSON.stringify(result));
}
