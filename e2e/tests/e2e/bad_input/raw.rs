//! Sends bytes that no HTTP client would send.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use awc::http::header::{HeaderMap, HeaderName, HeaderValue};
use test_support::Response;

/// After this time without data, the response counts as complete.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends the bytes and returns all responses until the server closes the connection or sends nothing more.
pub async fn exchange(url: &str, bytes: &[u8]) -> Vec<Response> {
    let address = url.trim_start_matches("http://").to_owned();
    let (sent, to_head) = (bytes.to_vec(), bytes.starts_with(b"HEAD "));
    let talk = move || {
        let mut stream = TcpStream::connect(address).expect("a server");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // The server may close the connection before it has read everything.
        let _ = stream.write_all(&sent);
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            received.extend_from_slice(&buffer[..count]);
        }
        received
    };
    responses(&actix_web::web::block(talk).await.expect("an exchange"), to_head)
}

fn responses(mut bytes: &[u8], to_head: bool) -> Vec<Response> {
    let mut responses = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the end of a head");
        let (head, rest) = (std::str::from_utf8(&bytes[..end]).expect("text"), &bytes[end + 4..]);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header");
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        let length = if to_head { 0 } else { length.unwrap_or(0) };
        responses.push(Response {
            status: status.parse().expect("a number"),
            headers,
            body: rest[..length].to_vec(),
        });
        bytes = &rest[length..];
    }
    responses
}
