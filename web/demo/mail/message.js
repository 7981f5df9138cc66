/**
 * @typedef {object} Message
 * @property {string} from
 * @property {string} to
 * @property {string} subject
 * @property {string} date
 * @property {string} text the part `text/plain`
 * @property {string} html the part `text/html`
 */

/**
 * Parses a mail as the auth server writes it: a header, and two parts.
 *
 * @param {string} source the content of an `.eml` file
 * @returns {Message}
 */
export function parse(source) {
  const { header, body } = split(source);
  const boundary = /boundary="([^"]*)"/.exec(header.get("content-type") ?? "")?.[1];
  const parts = body.split(`--${boundary}`).slice(1, -1).map((part) => split(part.replace(/^\r?\n/, "")));
  const content = (type) => {
    const part = parts.find((candidate) => candidate.header.get("content-type")?.startsWith(type));
    return part ? decode(part.body, part.header.get("content-transfer-encoding")) : "";
  };
  const words = (name) => decodeWords(header.get(name) ?? "");
  return {
    from: words("from"),
    to: words("to"),
    subject: words("subject"),
    date: words("date"),
    text: content("text/plain"),
    html: content("text/html"),
  };
}

/** The encoded words of a header (RFC 2047). Those that follow each other belong together. */
export function decodeWords(value) {
  const joined = value.replace(/(=\?[^?]+\?[bq]\?[^?]*\?=)\s+(?==\?)/gi, "$1");
  return joined.replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, encoding, text) =>
    encoding.toLowerCase() === "b" ? fromBase64(text) : fromQuotedPrintable(text.replaceAll("_", " ")),
  );
}

function split(source) {
  const text = source.replaceAll("\r\n", "\n");
  const end = text.indexOf("\n\n");
  const header = new Map();
  // A line that begins with a blank continues the one before.
  for (const line of text.slice(0, end).replace(/\n[ \t]+/g, " ").split("\n")) {
    const colon = line.indexOf(":");
    header.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { header, body: text.slice(end + 2) };
}

function decode(body, encoding) {
  switch (encoding) {
    case "base64":
      return fromBase64(body);
    case "quoted-printable":
      return fromQuotedPrintable(body);
    default:
      return body;
  }
}

function fromBase64(text) {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}

function fromQuotedPrintable(text) {
  const joined = text.replaceAll("=\n", "");
  const bytes = new TextEncoder().encode(joined);
  const decoded = [];
  for (let index = 0; index < bytes.length; index += 1) {
    const hex = bytes[index] === 0x3d && joined.slice(index + 1, index + 3);
    decoded.push(hex ? parseInt(hex, 16) : bytes[index]);
    if (hex) index += 2;
  }
  return new TextDecoder().decode(Uint8Array.from(decoded));
}
