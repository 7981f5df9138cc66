// New recovery codes: to copy, download and print.
import { enableCopy } from "./authenticator.js";
import { t } from "./texts.js";

/** @param {HTMLElement} part  made by the macro `recovery_codes` @param {string[]} codes */
export function showRecoveryCodes(part, codes) {
  part.querySelector(".recovery-codes").replaceChildren(...codes.map(item));
  const text = `${t("recovery_codes_file", { host: location.host })}\n\n${codes.join("\n")}\n`;
  enableCopy(part.querySelector("[data-copy]"), codes.join("\n"));
  part.querySelector("[data-download]").onclick = () => download(text);
  part.querySelector("[data-print]").onclick = () => print();
  part.querySelector("input").checked = false;
}

function item(code) {
  const line = document.createElement("li");
  const text = document.createElement("code");
  text.textContent = code;
  line.append(text);
  return line;
}

function download(text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = `recovery-codes-${location.hostname}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
