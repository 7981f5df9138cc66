// An authenticator app (RFC 6238), at the servers' time.
import { createHmac } from "node:crypto";
import { advanceServers, serverTime } from "./control.mjs";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_MS = 30_000;

/** @param {string} secret in base32, with or without spaces */
export async function code(secret) {
  const bits = [...secret.replace(/ /g, "")].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor((await serverTime()) / STEP_MS)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** A code is good once: waits for the next one. */
export async function nextCode(secret) {
  await advanceServers(STEP_MS / 1000);
  return code(secret);
}
