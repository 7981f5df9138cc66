// Numbers of today, sign-ins of two weeks, the latest security events.
import { Chart } from "./chart.js";
import { EventDetails, EventTitle } from "./event_texts.js";
import { plural } from "./list.js";
import { onEvents } from "./live.js";
import { Person } from "./people.js";
import { href } from "./router.js";
import { Time } from "./time.js";
import { html, useEffect, useRef } from "./ui.js";
import { Head, LoadError, useLoad } from "./view.js";

/** Not more often, however many events there are. */
const RELOAD_MS = 2_000;

export function Overview() {
  const { data, error, load } = useLoad("admin/overview");
  const timer = useRef(null);
  useEffect(() => {
    const remove = onEvents(() => {
      timer.current ??= setTimeout(() => {
        timer.current = null;
        load();
      }, RELOAD_MS);
    });
    return () => {
      remove();
      clearTimeout(timer.current);
    };
  }, []);
  if (error && !data) return html`<section class="view" aria-labelledby="view-title"><${Head} title="Overview" /><${LoadError} error=${error} again=${load} /></section>`;
  const today = data?.days.at(-1);
  return html`
    <section class="view" aria-labelledby="view-title">
      <${Head} title="Overview" note=${data && html`<span>measured <${Time} at=${data.measured_at} /></span>`} />
      <dl class="tiles">
        <${Tile} label="Users" value=${data?.users.total} link=${href("users")} note=${data && `${number(data.users.disabled)} disabled · ${number(data.users.unverified)} unverified`} />
        <${Tile} label="Active sessions" value=${data?.active_sessions} link=${href("sessions")} note=${data && "on all devices"} />
        <${Tile} label="Sign-ins today" value=${today?.logins} link=${href("events", "", { type: "login_succeeded" })} note=${data && plural(today.registrations, "new account")} />
        <${Tile} label="Failures today" value=${today?.failed_logins} link=${href("events", "", { type: "login_failed" })} note=${data && share(today)} />
      </dl>
      <div class="box chart-box"><${Chart} days=${data?.days} /></div>
      <div class="box">
        <div class="section-head">
          <h2 id="latest">Latest security events</h2>
          <a class="small" href=${href("events")}>All events</a>
        </div>
        <ul class="rows latest" aria-labelledby="latest">
          ${data?.latest.map((event) => html`<${LatestEvent} event=${event} />`)}
          ${!data && Array.from({ length: 10 }, () => html`<li class="placeholder"><span></span></li>`)}
        </ul>
        ${data?.latest.length === 0 && html`<p class="hint">Nothing that needs your attention.</p>`}
      </div>
    </section>
  `;
}

function Tile({ label, value, note, link }) {
  return html`
    <div class="tile">
      <dt><a href=${link}>${label}</a></dt>
      <dd class="number">${value === undefined ? html`<span class="blank"></span>` : number(value)}</dd>
      <dd class="soft">${note ?? " "}</dd>
    </div>
  `;
}

function LatestEvent({ event }) {
  return html`
    <li>
      <${EventTitle} event=${event} />
      <span class="latest-who"><${Person} id=${event.user_id} known=${event.user} /></span>
      <span class="soft latest-what"><${EventDetails} event=${event} /></span>
      <span class="soft"><${Time} at=${event.at} /></span>
    </li>
  `;
}

const number = (value) => value.toLocaleString("en");

function share({ logins, failed_logins: failed }) {
  const all = logins + failed;
  return all ? `${Math.round((100 * failed) / all)}% of all attempts` : "no attempts";
}
