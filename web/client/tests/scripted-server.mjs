import { createServer } from "node:http";

/**
 * Starts an HTTP server with scripted responses. It records the requests.
 *
 * `script` maps "METHOD /path" to a function of the request `{ method, path, headers, body }`. The function returns
 * `[status, body]` or "cut", which closes the connection without a response; or a promise of either.
 */
export async function scriptedServer(t, script) {
  const requests = [];
  const server = createServer(async (incoming, outgoing) => {
    let body = "";
    for await (const chunk of incoming) body += chunk;
    const request = { method: incoming.method, path: incoming.url, headers: incoming.headers, body };
    requests.push(request);
    const response = await script[`${request.method} ${request.path}`](request);
    if (response === "cut") return incoming.socket.destroy();
    const [status, content] = response;
    outgoing.writeHead(status, { "Content-Type": "application/json" });
    outgoing.end(typeof content === "string" ? content : content && JSON.stringify(content));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${server.address().port}`;
  return { url, script, to: (path) => requests.filter((request) => request.path === path) };
}

export const ANN = { id: "1", email: "ann@example.org", username: null, name: "Ann", roles: [] };

/** The response to a login or a refresh. The access token is named after the rotation. */
export function tokens(rotation, more) {
  const access_token = `access-${rotation}`;
  return [200, { access_token, token_type: "Bearer", expires_in: 60, rotation, user: ANN, ...more }];
}

export function problem(status, code, more) {
  return [status, { type: `/docs/errors#${code}`, title: "T", detail: "D", status, code, ...more }];
}
