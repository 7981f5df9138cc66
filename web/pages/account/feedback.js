const toast = document.getElementById("toast");
const SHOWN_MS = 6000;
let timer;

/** Confirms for a few seconds that something succeeded. Screen readers read it. */
export function confirm(text) {
  clearTimeout(timer);
  toast.textContent = text;
  timer = setTimeout(() => (toast.textContent = ""), SHOWN_MS);
}

/** Runs the action of a button that is no form, once at a time. */
export function onClick(button, action, onError) {
  button.addEventListener("click", async () => {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    try {
      await action();
    } catch (error) {
      onError(error);
    } finally {
      button.ariaBusy = "false";
    }
  });
}
