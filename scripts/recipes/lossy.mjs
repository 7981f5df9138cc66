// A proxy in front of the auth server that counts requests, loses responses, and fails.
import { once } from "node:events";
import { createServer } from "node:http";

/** What happens to the next request for `path` only: "lose" its response, or "fail" with 503 before it arrives. */
export async function startLossyProxy(t, target) {
  const proxy = { url: "", requests: [], next: null };
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { method, url, headers } = request;
    const fate = proxy.next;
    proxy.next = null;
    proxy.requests.push(url);
    if (fate === "fail") return response.writeHead(503).end('{"status":503,"code":"unavailable"}');
    const { host, connection, "content-length": length, ...passed } = headers;
    const answer = await fetch(target + url, { method, headers: passed, body: body.length ? body : undefined });
    const content = Buffer.from(await answer.arrayBuffer());
    if (fate === "lose") return request.socket.destroy();
    response.writeHead(answer.status, { "Content-Type": answer.headers.get("Content-Type") ?? "text/plain" });
    return response.end(answer.status === 204 ? undefined : content);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.refreshes = () => proxy.requests.filter((url) => url === "/auth/refresh").length;
  return proxy;
}

/** An API that greets the user of each token, except of those in `rejected`. */
export async function startGreeter(t) {
  const rejected = new Set();
  const server = createServer((request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const { name, exp } = token ? JSON.parse(Buffer.from(token.split(".")[1], "base64url")) : {};
    response.setHeader("Content-Type", "application/json");
    if (!token || rejected.has(token) || exp * 1000 < Date.now()) {
      return response.writeHead(401).end('{"status":401,"code":"invalid_token"}');
    }
    server.lastToken = token;
    return response.end(JSON.stringify({ message: `Hello ${name}` }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}`, rejectLast: () => rejected.add(server.lastToken) };
}
