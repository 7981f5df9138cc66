import { onSubmit } from "../form.js";

/** What the form of each dialog does while it is open. */
const actions = new WeakMap();

/**
 * Opens a dialog with a form, until the action succeeds or the user cancels.
 *
 * @param {HTMLDialogElement} dialog
 * @param {(values: Record<string, string>) => Promise<unknown>} action  if it fails, the dialog stays open and shows why; if it
 *   returns false, it stays open, too
 * @param {() => void} [opened]
 * @returns {Promise<boolean>} whether the action succeeded
 */
export async function openDialog(dialog, action, opened = () => {}) {
  const form = dialog.querySelector("form");
  if (!actions.has(dialog)) {
    dialog.querySelector("[value=cancel]")?.addEventListener("click", () => dialog.close());
    onSubmit(form, async (values) => {
      if ((await actions.get(dialog)(values)) !== false) dialog.close("done");
    });
  }
  actions.set(dialog, action);
  form.reset();
  form.querySelector(".message").textContent = "";
  dialog.returnValue = "";
  dialog.showModal();
  opened();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "done";
}
