// A form that shows one stage at a time: for example the password, then a code.

/** @param {HTMLFormElement} form */
export const stageOf = (form) => form.querySelector("[data-stage]:not([hidden])").dataset.stage;

const heading = document.querySelector("h1");
const title = heading.textContent;

/** Shows the fields of a stage, its heading if it has one, and the label of its button. */
export function showStage(form, name) {
  for (const part of form.querySelectorAll("[data-stage]")) part.hidden = part.dataset.stage !== name;
  for (const part of form.querySelectorAll("[data-with]")) part.hidden = part.dataset.with !== name;
  const shown = form.querySelector(`[data-stage="${name}"]`);
  const { label, title: own } = shown.dataset;
  heading.textContent = own ?? title;
  form.querySelector("button.primary").textContent = label;
  form.querySelector("[data-again]").hidden = name !== "code" && !own;
  // There is nothing else to do until the login is complete.
  const more = document.querySelector("nav.more");
  if (more) more.hidden = Boolean(own);
  (shown.querySelector("[data-focus]") ?? shown.querySelector("input:not([type=checkbox])")).focus();
}

/** The end: hides everything else, and removes a token from the address bar. @param {string} text */
export function showDone(text) {
  const done = document.getElementById("done");
  for (const part of document.querySelectorAll("main > :not(h1)")) part.hidden = part !== done;
  history.replaceState(null, "", location.pathname + location.search);
  done.querySelector("p").textContent = text;
  done.querySelector("a")?.focus();
}
