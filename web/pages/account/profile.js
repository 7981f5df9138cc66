import { onSubmit, setError } from "../form.js";
import { language, t } from "../texts.js";
import { auth } from "./client.js";
import { confirm } from "./feedback.js";

const form = document.getElementById("profile-form");
const { name, username, locale } = Object.fromEntries(["name", "username", "locale"].map((id) => [id, document.getElementById(id)]));

export const profile = {
  async start() {
    const languages = new Intl.DisplayNames(language, { type: "language" });
    for (const option of locale.options) if (option.value) option.textContent = languages.of(option.value);
    fill(auth.state.user);
    // Names are written in either direction.
    name.dir = "auto";
    onSubmit(form, save);
  },
};

async function save(values) {
  const user = auth.state.user;
  const changes = Object.fromEntries(Object.entries(values).filter(([key, value]) => value !== (user[key] ?? "")));
  // A name can be replaced, and not removed.
  for (const input of [name, username]) {
    if (changes[input.id] !== "") continue;
    setError(input, t("field_missing"));
    return input.focus();
  }
  if (Object.keys(changes).length > 0) fill(await auth.updateProfile(changes));
  confirm(t("profile_saved"));
}

function fill(user) {
  name.value = user.name ?? "";
  username.value = user.username ?? "";
  locale.value = user.locale ?? "";
  // A chosen language can be replaced, and not removed.
  locale.options[0].hidden = Boolean(user.locale);
}
