import { clearErrors, submitForm } from "./forms.js";
import { element, runAction, showMessage } from "./messages.js";

/**
 * A form for the code in a mail, which is shown in place of the elements `covered`.
 *
 * @returns `[ask, close]`. `ask` shows the form: `recipient` is the address, `again` requests another mail and returns a
 *   continuation, or null if the user cancels, `confirm` receives `{ continuation, code }`, `done` follows its success,
 *   and `cancel` is optional
 */
export function codeForm(id, covered) {
  const form = element(id);
  const part = (name) => form.querySelector(`[data-part=${name}]`);
  /** The last argument of `ask`, with the newest continuation. */
  let current;

  function toggle(isShown) {
    form.hidden = !isShown;
    for (const one of covered) one.hidden = isShown;
    form.reset();
    clearErrors(form);
  }

  form.addEventListener("submit", async (event) => {
    const confirm = ({ code }) => current.confirm({ continuation: current.continuation, code: code.value });
    if (!(await submitForm(event, confirm))) return;
    toggle(false);
    await current.done();
  });
  part("again").addEventListener("click", ({ target }) =>
    runAction(target, async () => {
      const request = await current.again();
      if (!request) return;
      current.continuation = request.continuation;
      showMessage("Sent again. Use the code of the newest mail.");
    }),
  );
  part("cancel").addEventListener("click", ({ target }) =>
    runAction(target, async () => {
      await current.cancel?.();
      toggle(false);
    }),
  );

  function ask(request) {
    current = request;
    toggle(true);
    part("recipient").textContent = request.recipient;
    form.elements.code.focus();
  }
  return [ask, () => toggle(false)];
}
