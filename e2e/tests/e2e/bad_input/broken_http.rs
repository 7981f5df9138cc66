//! Invalid HTTP, and requests hidden in other requests.

use super::raw::exchange;
use super::world::{Server, World};

/// Name, bytes, and the status of the only response.
type Conversation = (&'static str, Vec<u8>, u16);

#[actix_web::test]
async fn invalid_http_breaks_neither_server_and_hides_no_request() {
    let world = World::start().await;
    // One operation that reads a body, and one that does not.
    for (server, path, unread) in [(Server::Auth, "/auth/login", 400), (Server::Api, "/transfer", 401)] {
        let url = &world.server(server).url;
        let smuggled = smuggling(path, &world.refresh_token);
        for (name, bytes, status) in
            targets().into_iter().chain(headers()).chain(bodies(path, unread)).chain(smuggled)
        {
            eprintln!("{name}");
            let responses = exchange(url, &bytes).await;
            let statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
            // To actix a malformed chunk is the end of the connection. The auth server drops requests whose client is gone.
            let is_dropped = server == Server::Auth && statuses.is_empty() && name.contains("chunk");
            assert!(is_dropped || statuses == [status], "{statuses:?} instead of {status}");
            world.assert_session_unharmed();
            world.server(server).get("/healthz").send().await.assert_status(200);
        }
    }
    world.assert_session_goes_on().await;
}

fn line(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
}

fn get(header: &str) -> Vec<u8> {
    format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n").into_bytes()
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let type_and_close = "Content-Type: application/json\r\nConnection: close";
    format!("POST {path} HTTP/1.1\r\nHost: x\r\n{type_and_close}\r\n{headers}\r\n\r\n{body}").into_bytes()
}

fn targets() -> Vec<Conversation> {
    vec![
        ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n".to_vec(), 200),
        ("absolute form", line("GET http://elsewhere/healthz HTTP/1.1"), 200),
        ("absolute form with a name and a port", line("GET https://u:p@elsewhere:1/healthz HTTP/1.1"), 200),
        ("asterisk form", line("OPTIONS * HTTP/1.1"), 404),
        ("asterisk form with GET", line("GET * HTTP/1.1"), 404),
        ("authority form", line("CONNECT elsewhere:443 HTTP/1.1"), 404),
        ("CONNECT to a path", line("CONNECT /healthz HTTP/1.1"), 405),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 400),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400),
        ("HTTP/0.9", b"GET /healthz\r\n\r\n".to_vec(), 400),
        ("HTTP/3.0", line("GET /healthz HTTP/3.0"), 400),
        ("http/1.1", line("GET /healthz http/1.1"), 400),
        ("two spaces", line("GET  /healthz  HTTP/1.1"), 400),
        ("tabs", line("GET\t/healthz\tHTTP/1.1"), 400),
        ("no method", line(" /healthz HTTP/1.1"), 400),
        ("no slash", line("GET healthz HTTP/1.1"), 404),
        ("two slashes", line("GET //healthz HTTP/1.1"), 404),
        ("dots", line("GET /x/../healthz HTTP/1.1"), 404),
        ("NUL in the path", line("GET /healthz\0 HTTP/1.1"), 400),
        ("NUL in the path, encoded", line("GET /healthz%00 HTTP/1.1"), 404),
        ("half an encoding", line("GET /healthz%z HTTP/1.1"), 404),
        ("a space in the path", line("GET /health z HTTP/1.1"), 400),
        ("non-ASCII characters in the path", line("GET /h\u{e4}lth HTTP/1.1"), 400),
        ("invalid UTF-8 in the path", b"GET /h\xff HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 400),
        ("a control character in the query", line("GET /healthz?x=\u{1} HTTP/1.1"), 400),
        ("a fragment", line("GET /healthz#x HTTP/1.1"), 200),
        ("a path of 70 KiB", line(&format!("GET /{} HTTP/1.1", "x".repeat(70 * 1024))), 400),
    ]
}

fn headers() -> Vec<Conversation> {
    vec![
        ("no Host", b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), 400),
        ("two Hosts", get("Host: y"), 400),
        ("NUL in a header", get("X: a\0b"), 400),
        ("CR in a header", get("X: a\rb"), 400),
        ("a folded header", get("X: a\r\n b"), 400),
        ("a blank before the colon", get("X : a"), 400),
        ("no name", get(": a"), 400),
        ("no colon", get("X"), 400),
        ("non-ASCII characters in a header", get("X: \u{e4}"), 200),
        // RFC 9112 §2.2 allows a server to accept LF alone as a line end, but not CR.
        ("LF as line end", b"GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n".to_vec(), 200),
        ("CR as line end", b"GET /healthz HTTP/1.1\rHost: x\r\r\n\r\n".to_vec(), 400),
        ("200 headers", get(&["X: y"; 200].join("\r\n")), 431),
        ("an upgrade to HTTP/2", get("Upgrade: h2c\r\nHTTP2-Settings: AAAA"), 200),
        ("an upgrade to WebSocket", get("Upgrade: websocket\r\nSec-WebSocket-Version: 13"), 200),
    ]
}

fn bodies(path: &str, unread: u16) -> Vec<Conversation> {
    let too_large = if unread == 400 { 413 } else { unread };
    let post = |headers: &str, body: &str| post(path, headers, body);
    let chunked = |body: &str| post("Transfer-Encoding: chunked", body);
    vec![
        ("two lengths", post("Content-Length: 2\r\nContent-Length: 3", "{}x"), 400),
        ("the same length twice", post("Content-Length: 2\r\nContent-Length: 2", "{}"), 400),
        ("a list of lengths", post("Content-Length: 2, 2", "{}"), 400),
        ("a negative length", post("Content-Length: -1", "{}"), 400),
        ("a length with a plus", post("Content-Length: +2", "{}"), 400),
        ("a hexadecimal length", post("Content-Length: 0x2", "{}"), 400),
        ("a length that no integer holds", post("Content-Length: 99999999999999999999999", "{}"), 400),
        ("a length beyond the memory", post("Content-Length: 18446744073709551615", "{}"), too_large),
        ("a chunk without a size", chunked("zz\r\n{}\r\n0\r\n\r\n"), unread),
        ("a chunk of negative size", chunked("-2\r\n{}\r\n0\r\n\r\n"), unread),
        ("a chunk beyond the memory", chunked("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"), unread),
        ("a chunk longer than its size", chunked("1\r\n{}\r\n0\r\n\r\n"), unread),
        ("LF in a chunk's extension", chunked("2;x=\"\n\"\r\n{}\r\n0\r\n\r\n"), unread),
        ("an unknown encoding", post("Transfer-Encoding: xchunked", "2\r\n{}\r\n0\r\n\r\n"), 400),
        ("two encodings", post("Transfer-Encoding: gzip, chunked", "2\r\n{}\r\n0\r\n\r\n"), 400),
    ]
}

/// Two parsers could find different ends of these requests. The hidden request ends the session if a server executes it.
fn smuggling(path: &str, token: &str) -> Vec<Conversation> {
    let hidden =
        format!("POST /auth/logout HTTP/1.1\r\nHost: x\r\nCookie: __Host-refresh_token={token}\r\n\r\n");
    let length = hidden.len();
    let chunk = format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n");
    let after = format!("0\r\n\r\n{hidden}");
    let long = 5 + length;
    let old = format!(
        "POST {path} HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: {long}\r\n\r\n{after}"
    );
    let post = |headers: &str, body: &str| post(path, headers, body);
    vec![
        (
            "length, then chunks",
            post(&format!("Content-Length: {long}\r\nTransfer-Encoding: chunked"), &after),
            400,
        ),
        ("chunks, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 4", &chunk), 400),
        ("chunks twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &after), 400),
        ("chunks, with a blank", post("Transfer-Encoding : chunked\r\nContent-Length: 5", &after), 400),
        ("chunks, after a tab", post("Transfer-Encoding:\tchunked\r\nContent-Length: 5", &after), 400),
        (
            "chunks, after a vertical tab",
            post("Transfer-Encoding: \x0bchunked\r\nContent-Length: 5", &after),
            400,
        ),
        ("chunks, folded", post("Transfer-Encoding:\r\n chunked\r\nContent-Length: 5", &after), 400),
        ("chunks in HTTP/1.0", old.into_bytes(), 400),
    ]
}
