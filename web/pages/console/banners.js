// Strips across the view: lost role or session, lost connection, servers that are not ready. They replace nothing.
import { stepUp } from "./api.js";
import { Problem, useAction } from "./forms.js";
import { checkNow } from "./live.js";
import { goToLogin, loginUrl, session, signOut } from "./session.js";
import { html, useLayoutEffect, useRef, useStore } from "./ui.js";

const ACCESS = {
  lost: ["You are no longer an administrator.", "What you entered is kept and can be copied. You can go on as soon as you have the role again."],
  "signed-out": ["You are signed out.", "What you entered is kept. Sign in in another tab, and go on here."],
  other: ["Another user has signed in in this browser.", "Copy what you need, and reload the page."],
};

export function Banners() {
  const { access, connection, readiness, user } = useStore(session);
  const [title, text] = ACCESS[access] ?? [];
  const strips = useRef();
  // The view and the panel end above them.
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => {
      document.documentElement.style.setProperty("--banners", `${contentRect.height}px`);
    });
    observer.observe(strips.current);
    return () => observer.disconnect();
  }, []);
  return html`
    <div class="banners" role="alert" ref=${strips}>
      ${title && html`
        <div class="banner bad" data-banner=${access}>
          <p><strong>${title}</strong> ${text} ${access === "lost" && html`<span>Your account: <bdi>${user?.email}</bdi>.</span>`}</p>
          ${access === "signed-out" && html`<a class="button small" href=${loginUrl()} target="_blank" rel="noopener">Sign in</a>`}
        </div>
      `}
      ${connection === "lost" && html`
        <div class="banner warn" data-banner="connection">
          <p><strong>Reconnecting …</strong> The server cannot be reached. What you entered is kept.</p>
          <button class="small quiet" onClick=${checkNow}>Try now</button>
        </div>
      `}
      ${readiness && !title && connection === "ok" && html`
        <div class="banner bad" data-banner="readiness">
          <p><strong>Not every server is ready.</strong> <bdi>${readiness}</bdi></p>
          <a class="button small quiet" href="#/health">Health</a>
        </div>
      `}
    </div>
  `;
}

/** For users who do not have the role. */
export function NoAccess({ user }) {
  return html`
    <section class="view no-access" aria-labelledby="view-title">
      <h1 id="view-title" tabindex="-1">No access</h1>
      <p>You are signed in as <strong><bdi>${user.email}</bdi></strong>. This console requires the role <code>admin</code>, which this account does not have.</p>
      <p class="no-access-buttons">
        <button onClick=${signOut}>Sign in with another account</button>
        <a class="button quiet" href="../account">Your account</a>
      </p>
    </section>
  `;
}

/** For administrators whose role requires a stronger login than theirs. */
export function Withheld({ user, onConfirmed }) {
  const confirm = useAction(async () => (await stepUp("stronger_login_required")) && onConfirmed());
  return html`
    <section class="view no-access" aria-labelledby="view-title">
      <h1 id="view-title" tabindex="-1">Confirm with your second factor</h1>
      <p>You are signed in as <strong><bdi>${user.email}</bdi></strong>. Your role <code>admin</code> requires a second factor.</p>
      ${!user.second_factor && html`<p>You have none yet: set up an authenticator app or a passkey in your account, then come back.</p>`}
      <${Problem} action=${confirm} />
      <p class="no-access-buttons">
        ${user.second_factor
          ? html`<button aria-busy=${confirm.busy ? "true" : null} onClick=${confirm.act}>Confirm</button>`
          : html`<a class="button" href="../account#factors">Set up a second factor</a>`}
        <button class="quiet" onClick=${signOut}>Sign in with another account</button>
      </p>
    </section>
  `;
}

/** The first request failed. */
export function Unreachable() {
  return html`
    <section class="view no-access" aria-labelledby="view-title">
      <h1 id="view-title" tabindex="-1">The server cannot be reached</h1>
      <p>The console tries again by itself.</p>
      <p><button class="quiet" onClick=${goToLogin}>Go to the sign-in page</button></p>
    </section>
  `;
}
