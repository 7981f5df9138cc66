//! Requests after which a server may close the connection.

pub const GOOD: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// The same request to another host than `x`.
pub fn to_host(request: &[u8], host: &str) -> Vec<u8> {
    let (from, to) = (b"\r\nHost: x\r\n", format!("\r\nHost: {host}\r\n"));
    let Some(at) = request.windows(from.len()).position(|part| part == from) else { return request.to_vec() };
    [&request[..at], to.as_bytes(), &request[at + from.len()..]].concat()
}

/// Requests with names.
pub fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let get = |rest: &str| format!("GET /auth/me HTTP/1.1\r\nHost: x\r\n{rest}\r\n").into_bytes();
    let post = |rest: &str| {
        format!("POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{rest}")
            .into_bytes()
    };
    let line = |line: &str| format!("{line}\r\nHost: x\r\n\r\n").into_bytes();
    let long = |length| "x".repeat(length);
    vec![
        ("good", GOOD.as_bytes().to_vec()),
        ("close", get("Connection: close\r\n")),
        ("another protocol", get("Connection: Upgrade\r\nUpgrade: foo\r\n")),
        ("another protocol, in lower case", get("connection: upgrade\r\nupgrade: h2c\r\n")),
        ("another protocol, after keep-alive", get("Connection: keep-alive, Upgrade\r\nUpgrade: foo\r\n")),
        (
            "another protocol, posted",
            post("Connection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 2\r\n\r\n{}"),
        ),
        (
            "another protocol, nowhere",
            b"GET /auth/nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\r\n".to_vec(),
        ),
        ("WebSocket", get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n")),
        ("WebSocket without Connection", get("Upgrade: websocket\r\n")),
        ("WebSocket, posted", post("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n{}")),
        ("110 headers", get(&"X-Many: x\r\n".repeat(110))),
        ("140 kB of headers", get(&format!("X-Long: {}\r\n", long(140_000)))),
        ("a long path", line(&format!("GET /auth/{} HTTP/1.1", long(70_000)))),
        ("an odd path", line("GET /auth/<\"{}>|^` HTTP/1.1")),
        ("no path", line("GET HTTP/1.1")),
        ("an odd method", line("G[T / HTTP/1.1")),
        ("another version", line("GET / HTTP/2.7")),
        ("version 1.0", line("GET /auth/me HTTP/1.0")),
        ("version 1.0, posted without a length", line("POST /auth/login HTTP/1.0")),
        (
            "version 1.0, kept alive",
            b"GET /auth/me HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n".to_vec(),
        ),
        ("a tunnel", line("CONNECT x:443 HTTP/1.1")),
        ("the whole server", line("OPTIONS * HTTP/1.1")),
        ("no host", b"GET /auth/me HTTP/1.1\r\n\r\n".to_vec()),
        ("two hosts", get("Host: y\r\n")),
        ("a space in a header name", get("X Bad: x\r\n")),
        ("a control character in a header", get("X-Bad: \u{1}\r\n")),
        (
            "bytes beyond ASCII in a header",
            [&b"GET /auth/me HTTP/1.1\r\nHost: x\r\nX-Bad: \xff\xfe\r\n\r\n"[..]].concat(),
        ),
        ("two lengths", post("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")),
        ("a negative length", post("Content-Length: -1\r\n\r\n{}")),
        ("length and chunks", post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("another encoding", post("Transfer-Encoding: gzip\r\n\r\n{}")),
        ("a broken chunk", post("Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")),
        ("a large body", post(&format!("Content-Length: 40000\r\n\r\n{}", long(40_000)))),
        ("a large body that does not arrive", post("Content-Length: 40000\r\n\r\n{")),
        (
            "a large body in chunks",
            post(&format!("Transfer-Encoding: chunked\r\n\r\n9c40\r\n{}\r\n0\r\n\r\n", long(40_000))),
        ),
        ("large chunks that do not arrive", post("Transfer-Encoding: chunked\r\n\r\nffffff\r\n{")),
        ("an expected body", post("Expect: 100-continue\r\nContent-Length: 40000\r\n\r\n")),
        ("a body where none belongs", get("Content-Length: 5\r\n")),
        (
            "a body that no handler reads",
            b"POST /auth/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n{".to_vec(),
        ),
        (
            "the wrong method with a body",
            b"PUT /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n{".to_vec(),
        ),
        ("noise", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("noise after a good request", [GOOD.as_bytes(), b"noise\r\n\r\n"].concat()),
    ]
}
