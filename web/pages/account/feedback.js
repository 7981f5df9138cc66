const toast = document.getElementById("toast");
const SHOWN_MS = 6000;
let timer;

/** Confirms for a few seconds that something succeeded. Screen readers read it. Causes the event `confirmed`. */
export function confirm(text) {
  clearTimeout(timer);
  toast.textContent = text;
  timer = setTimeout(() => (toast.textContent = ""), SHOWN_MS);
  document.dispatchEvent(new Event("confirmed"));
}
