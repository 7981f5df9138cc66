import { onSubmit } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";
import { openLink, showInvalidLink, token } from "./link.js";
import { account } from "./session.js";
import { showDone } from "./stages.js";

const form = document.getElementById("form");

onSubmit(form, async ({ new_password }) => {
  await account.resetPassword({ token }, new_password);
  showDone(t("password_changed"));
}, (error) => showInvalidLink(form, error));
await openLink(form, "reset_link");
