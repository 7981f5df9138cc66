// Password fields: a button that shows the password, a hint at Caps Lock, and the server's verdict on a new one.
import { t } from "./texts.js";

/** The server's root, which may have a path. */
const server = new URL("..", import.meta.url);
const DELAY_MS = 300;

for (const field of document.querySelectorAll(".password")) enhance(field);

function enhance(field) {
  const input = field.querySelector("input");
  const button = field.querySelector(".reveal");
  const show = (isShown) => {
    input.type = isShown ? "text" : "password";
    button.ariaPressed = String(isShown);
    button.ariaLabel = button.title = t(isShown ? "hide_password" : "show_password");
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // Password managers and the browser's own history must not see a text field.
  input.form.addEventListener("submit", () => show(false), { capture: true });
  const caps = field.querySelector(".caps");
  const showCaps = (event) => {
    // Autofill sends key events without a modifier state.
    caps.textContent = event.getModifierState?.("CapsLock") ? t("caps_lock") : "";
  };
  input.addEventListener("keydown", showCaps);
  input.addEventListener("keyup", showCaps);
  input.addEventListener("blur", () => (caps.textContent = ""));
  if ("strength" in field.dataset) showStrength(field, input);
}

/** Asks for the server's verdict while the user types. An older request is aborted. */
function showStrength(field, input) {
  const meter = field.querySelector(".strength");
  const text = meter.querySelector("p");
  const rule = text.textContent;
  let timer, request;
  const show = (score, verdict) => {
    meter.dataset.score = score;
    text.textContent = verdict;
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    request?.abort();
    if (!input.value) return show("", rule);
    request = new AbortController();
    const { signal } = request;
    timer = setTimeout(async () => {
      const verdict = await judge(input, signal).catch(() => null);
      // Without a verdict the field works as before: the server judges the password when it is set.
      if (!signal.aborted) show(verdict?.score ?? "", verdict ? sentence(verdict) : rule);
    }, DELAY_MS);
  });
}

async function judge(input, signal) {
  const { email, name, username } = input.form.elements;
  const about = Object.entries({ email, name, username }).filter(([, field]) => field?.value && field.validity.valid);
  const given = Object.fromEntries(about.map(([key, field]) => [key, field.value]));
  const response = await fetch(new URL("auth/password/strength", server), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ password: input.value, ...given }),
    signal,
  });
  return response.ok ? response.json() : null;
}

function sentence({ acceptable, score, errors }) {
  if (acceptable) return t(score > 3 ? "strength_strong" : "strength_good");
  switch (errors[0]?.code) {
    case "too_short":
      return t("strength_short");
    case "too_long":
      return t("field_too_long", { max: 128 });
    default:
      return t("strength_weak");
  }
}
