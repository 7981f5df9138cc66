import { t } from "../texts.js";
import { account, auth } from "./client.js";
import { endSessionBy } from "./ended.js";
import { confirm } from "./feedback.js";
import { copy, pagedList } from "./paged_list.js";
import { facts, time } from "./time.js";

const PHONES = /iPhone|Android|Mobile/;
const section = document.getElementById("devices");
const endOthers = document.getElementById("end-others");

/** Not in the claims if the access token is in a cookie. */
let currentId;

async function load(cursor) {
  const { sessions: items, next_cursor } = await auth.sessions({ limit: 10, cursor });
  currentId = items.find(({ current }) => current)?.id ?? currentId;
  return { items: items.sort((one, other) => other.current - one.current), next_cursor };
}

function show(session) {
  const { row, device, current, facts: line, end } = copy("device-item");
  device.textContent = session.device ?? t("unknown_device");
  row.classList.toggle("phone", PHONES.test(session.user_agent ?? ""));
  current.hidden = !session.current;
  const used = session.current ? t("active_now") : time(session.last_used_at);
  line.append(...facts(session.ip, used));
  end.setAttribute("aria-label", t("sign_out_device", { device: device.textContent }));
  end.hidden = session.current;
  list.act(end, () => endOne(session, row));
  return row;
}

const list = pagedList(section, load, show);

export const devices = {
  async start() {
    await devices.reload();
    list.act(endOthers, endAllOthers);
  },
  async reload() {
    await list.reload();
    endOthers.hidden = list.size < 2;
  },
  isCurrent: (id) => id === (auth.claims()?.sid ?? currentId),
};

async function endOne({ id, device }, row) {
  await endSession(id);
  row.remove();
  endOthers.hidden = list.size < 2;
  confirm(t("device_signed_out", { device: device ?? t("unknown_device") }));
  document.getElementById("devices-title").focus();
}

async function endAllOthers() {
  await account.endOtherSessions();
  await devices.reload();
  confirm(t("others_signed_out"));
  document.getElementById("devices-title").focus();
}

/** Ends a session, which may have ended already. */
export async function endSession(id) {
  const end = () => auth.endSession(id);
  await (devices.isCurrent(id) ? endSessionBy(end) : end()).catch((error) => {
    if (error.code !== "not_found") throw error;
  });
}
