// Sign-ins per day as bars, with the same numbers in a table for screen readers.
import { plural } from "./list.js";
import { dayName } from "./time.js";
import { classes, html, useState } from "./ui.js";

const LINES = 4;

/** A round number that is not less than `value`. */
function ceiling(value) {
  const step = 10 ** Math.floor(Math.log10(Math.max(value, LINES) / LINES));
  const nice = [1, 2, 2.5, 5, 10].map((factor) => factor * step * LINES).find((one) => one >= value);
  return Math.max(LINES, Math.ceil(nice));
}

export function Chart({ days }) {
  const [picked, setPicked] = useState(null);
  const last = days?.length - 1;
  const index = Math.min(picked ?? last, last);
  const day = days?.[index];
  const onKeyDown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && days) setPicked(Math.max(0, Math.min(last, index + step)));
  };
  return html`
    <div class="section-head">
      <h2>Sign-ins in 14 days</h2>
      <p class="chart-value" aria-live="polite">
        ${day ? html`
          <strong>${picked === null ? "Today" : dayName(day.date)}</strong>
          <span><span class="key logins"></span>${plural(day.logins, "sign-in")}</span>
          <span><span class="key failures"></span>${day.failed_logins.toLocaleString("en")} failed</span>
        ` : " "}
      </p>
    </div>
    <div class="chart" tabindex="0" role="group" aria-label="Chart of sign-ins. The arrow keys choose a day." onKeyDown=${onKeyDown} onMouseLeave=${() => setPicked(null)}>
      ${days && html`<${Bars} days=${days} index=${index} onPick=${setPicked} />`}
    </div>
    ${days && html`<${Table} days=${days} />`}
  `;
}

function Bars({ days, index, onPick }) {
  const top = ceiling(Math.max(...days.map((day) => day.logins + day.failed_logins)));
  const height = (value) => (90 * value) / top;
  const width = 100 / days.length;
  return html`
    <svg aria-hidden="true" width="100%" height="100%">
      ${Array.from({ length: LINES + 1 }, (_, line) => {
        const y = `${95 - (90 * line) / LINES}%`;
        return html`<line class="grid" x1="0" x2="100%" y1=${y} y2=${y} />`;
      })}
      ${days.map((day, at) => {
        const x = `${at * width + width * 0.18}%`;
        const bar = `${width * 0.64}%`;
        const [logins, failures] = [height(day.logins), height(day.failed_logins)];
        return html`
          <g class=${classes("day", at === index && "picked")} onMouseEnter=${() => onPick(at)} onClick=${() => onPick(at)}>
            <rect class="hit" x="${at * width}%" y="0" width="${width}%" height="100%" />
            <rect class="logins" x=${x} width=${bar} y="${95 - logins}%" height="${logins}%" />
            <rect class="failures" x=${x} width=${bar} y="${95 - logins - failures}%" height="${failures}%" />
          </g>
        `;
      })}
    </svg>
    <span class="chart-top" aria-hidden="true">${top.toLocaleString("en")}</span>
    <span class="chart-dates" aria-hidden="true"><span>${dayName(days[0].date)}</span><span>${dayName(days.at(-1).date)}</span></span>
  `;
}

function Table({ days }) {
  return html`
    <table class="hidden-text">
      <caption>Sign-ins per day, in UTC</caption>
      <thead><tr><th scope="col">Day</th><th scope="col">Sign-ins</th><th scope="col">Failed</th><th scope="col">New accounts</th></tr></thead>
      <tbody>
        ${days.map((day) => html`<tr><th scope="row">${dayName(day.date)}</th><td>${day.logins}</td><td>${day.failed_logins}</td><td>${day.registrations}</td></tr>`)}
      </tbody>
    </table>
  `;
}
