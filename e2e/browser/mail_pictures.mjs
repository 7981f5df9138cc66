// Writes a picture of all mails in a folder, for scripts/mail-pictures.sh: mail_pictures.mjs FOLDER PICTURE
// Each kind of mail is a subfolder with one file. The mailbox page's parser reads them.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { parse } from "../../web/demo/mail/message.js";

/** Mails with links first, then notices. */
const ORDER = [
  "register",
  "already_registered",
  "verify",
  "reset",
  "change",
  "invite",
  "new_device",
  "password_changed",
  "password_reset",
  "email_change_requested",
  "email_changed",
  "session_stolen",
];
const STYLE = `
  body { margin: 0; padding: 12px; background: #e8eae8; font: 14px/1.4 system-ui, sans-serif;
         display: grid; grid-template-columns: repeat(4, 290px); gap: 12px; }
  article { background: #fff; border: 1px solid #ccc; }
  header { padding: 8px 12px; border-bottom: 1px solid #ccc; background: #f4f4f4; }
  header b { display: block; }
  iframe { width: 100%; border: 0; display: block; }`;

const [folder, picture] = process.argv.slice(2);
const mails = await Promise.all((await readdir(folder)).map(read));
mails.sort((one, other) => rank(one.kind) - rank(other.kind));
// For containers and machines without a display.
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
try {
  const page = await browser.newPage({ viewport: { width: 1232, height: 800 } });
  await page.setContent(`<!doctype html><style>${STYLE}</style>`);
  await page.evaluate(show, mails);
  await page.screenshot({ path: picture, fullPage: true });
} finally {
  await browser.close();
}

async function read(kind) {
  const [file] = await readdir(join(folder, kind));
  const { subject, html } = parse(await readFile(join(folder, kind, file), "utf8"));
  return { kind, subject, html };
}

function rank(kind) {
  const index = ORDER.indexOf(kind);
  return index < 0 ? ORDER.length : index;
}

/** In the page: one card for each mail, as high as the mail. */
async function show(mails) {
  for (const { kind, subject, html } of mails) {
    const [card, header, name, frame] = ["article", "header", "b", "iframe"].map((tag) => document.createElement(tag));
    name.textContent = kind;
    header.append(name, subject);
    card.append(header, frame);
    document.body.append(card);
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    frame.srcdoc = html;
    await loaded;
    frame.style.height = `${frame.contentDocument.documentElement.scrollHeight}px`;
  }
}
