// The secret of a new authenticator app: as a QR code, as text, and as a link that opens an app on this device.
import { t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

/** @param {HTMLElement} part  made by the macro `authenticator` @param {import("../client/factors.js").NewTotp | null} app */
export function showSecret(part, app) {
  const box = part.querySelector("[data-secret]");
  box.hidden = !app;
  if (!app) return;
  box.querySelector(".qr").replaceChildren(drawn(app.qr_svg));
  box.querySelector("code").textContent = app.secret.match(/.{1,4}/g).join(" ");
  box.querySelector("a").href = app.uri;
  enableCopy(box.querySelector("[data-copy]"), app.secret);
}

/** The policy of the page allows no HTML from text and no images but the server's: this takes the shape only. */
function drawn(text) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", text.match(/viewBox="([\d. -]+)"/)?.[1] ?? "0 0 1 1");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", text.match(/<path[^>]* d="([^"]+)"/)?.[1] ?? "");
  svg.append(path);
  return svg;
}

/** Browsers offer the clipboard to secure pages only. */
export function enableCopy(button, text) {
  button.hidden = !navigator.clipboard;
  button.textContent = t("copy");
  button.onclick = async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = t("copied");
  };
}

/** Submits the form with the last digit of a code, until one was wrong: some apps make codes of 8 digits. */
export function submitWhenComplete(input) {
  let isAutomatic = true;
  input.addEventListener("input", () => {
    if (isAutomatic && input.value.replace(/[\s-]/g, "").match(/^\d{6}$/)) input.form.requestSubmit();
  });
  return { stop: () => (isAutomatic = false) };
}
