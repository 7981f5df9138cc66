// Asks docs/consumers/with_jose.js about each line of its input. Answers with a line of JSON: {status, claims}.

import { createInterface } from "node:readline";

// Node.js 18 has it under another name.
globalThis.crypto ??= (await import("node:crypto")).webcrypto;
const { isRefused, validate } = await import("../../docs/consumers/with_jose.js");

for await (const token of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { status: 200, claims: await validate(token) };
  } catch (error) {
    answer = { status: isRefused(error) ? 401 : 503 };
  }
  console.log(JSON.stringify(answer));
}
