// The administrators' console: starts it, and shows the view of the route.
import { Banners, NoAccess, Unreachable, Withheld } from "./banners.js";
import { Dialogs } from "./dialog.js";
import { Events } from "./events.js";
import { Health } from "./health.js";
import { Invitations } from "./invitations.js";
import { Keys } from "./keys.js";
import { listen } from "./live.js";
import { Mail } from "./mail.js";
import { Overview } from "./overview.js";
import { useRoute } from "./router.js";
import { accessOf, goToLogin, identify, session, signOut } from "./session.js";
import { Sessions } from "./sessions.js";
import { Toasts } from "./toast.js";
import { html, render, useLayoutEffect, useRef, useStore } from "./ui.js";
import { Users } from "./users.js";

const RETRY_MS = 2_000;
const VIEWS = {
  overview: Overview,
  users: Users,
  invitations: Invitations,
  sessions: Sessions,
  events: Events,
  keys: Keys,
  mail: Mail,
  health: Health,
  unknown: Unknown,
};
const app = document.getElementById("app");
const productName = document.title;

function App() {
  const route = useRoute();
  const { access, user } = useStore(session);
  useNavigation(route.view, access);
  if (access === "withheld") return html`<${Withheld} user=${user} onConfirmed=${start} /><${Dialogs} />`;
  if (access === "none") return html`<${NoAccess} user=${user} />`;
  if (access === "loading") return html`<${Unreachable} />`;
  return html`<${Banners} /><${VIEWS[route.view]} key=${route.view} route=${route} /><${Dialogs} /><${Toasts} />`;
}

/** Marks the view in the navigation, names it in the title, and moves the focus to its heading. */
function useNavigation(view, access) {
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    for (const link of document.querySelectorAll("#nav a")) {
      const isCurrent = link.hash === `#/${view === "invitations" ? "users" : view}`;
      if (!isCurrent) link.removeAttribute("aria-current");
      else link.setAttribute("aria-current", "page");
      // On a phone, the navigation scrolls.
      if (isCurrent) link.parentElement.scrollLeft = link.offsetLeft - 40;
    }
    const heading = document.getElementById("view-title");
    document.title = heading ? `${heading.textContent} · ${productName}` : productName;
    if (!isFirst.current && !document.querySelector(".panel")) heading?.focus({ preventScroll: true });
    isFirst.current = false;
    scrollTo(0, 0);
  }, [view, ["none", "withheld", "loading"].includes(access)]);
}

function Unknown() {
  return html`<section class="view"><h1 id="view-title" tabindex="-1">Page not found</h1><p>This address does not exist. <a href="#/overview">Overview</a></p></section>`;
}

function showAccount({ email, name }) {
  const account = document.getElementById("account");
  account.querySelector("bdi").textContent = name || email;
  account.title = email;
  document.getElementById("sign-out").hidden = false;
}

async function start() {
  for (;;) {
    try {
      const user = await identify();
      if (!user) return goToLogin();
      showAccount(user);
      session.set({ user, access: accessOf(user) });
      break;
    } catch (error) {
      if (error.status === 401) return goToLogin();
      render(html`<${App} />`, app);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  if (session.get().access === "admin") await listen();
  render(html`<${App} />`, app);
}

document.getElementById("sign-out").addEventListener("click", signOut);
start();
