/** Members of bodies that must not be in a copied command, and the shell variables in their place. */
const BODY_VARIABLES = {
  email: "EMAIL",
  username: "USERNAME",
  name: "NAME",
  password: "PASSWORD",
  current_password: "PASSWORD",
  new_password: "NEW_PASSWORD",
  refresh_token: "REFRESH_TOKEN",
  continuation: "CONTINUATION",
  code: "CODE",
};
const HEADER_VARIABLES = { "idempotency-key": "KEY", "x-csrf-token": "CSRF" };

/** The command that makes this request. Tokens, passwords and personal data are shell variables. */
export function asCurl(request, body) {
  const parts = [`curl -X ${request.method} ${quote(request.url)}`];
  const { pathname } = new URL(request.url);
  for (const [name, value] of request.headers) {
    const variable = HEADER_VARIABLES[name];
    if (name === "authorization") parts.push(`-H "Authorization: Bearer $${isForAuthServer(pathname) ? "REFRESH_TOKEN" : "TOKEN"}"`);
    else if (variable) parts.push(`-H "${name}: $${variable}"`);
    else parts.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  if (request.credentials === "include") parts.push("-b jar -c jar");
  if (body) parts.push(`-d ${quoteBody(body)}`);
  return parts.join(" \\\n  ");
}

/** The auth server requires a refresh token, other servers an access token. */
const isForAuthServer = (pathname) => pathname.startsWith("/auth/");

const quote = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

function quoteBody(body) {
  const marked = JSON.parse(body, (name, value) => {
    const variable = BODY_VARIABLES[name];
    return variable && typeof value === "string" ? `\u0000${variable}\u0000` : value;
  });
  // Ends the single quotes around each variable.
  return quote(JSON.stringify(marked)).replaceAll(/\\u0000(\w+?)\\u0000/g, `'"$$$1"'`);
}
