use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use test_support::fault_proxy::Listener;

/// The server behind the proxy: records every request byte for byte.
pub struct Upstream {
    listener: Listener,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
}

#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub line: String,
    /// Headers and trailers: some servers treat trailers as headers.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Upstream {
    pub fn start() -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&received);
        let listener = Listener::start(move |stream| {
            // The client notices a broken connection.
            let _ = serve(stream, &shared);
        });
        Self { listener, received }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listener.port())
    }

    /// The requests since the last call.
    pub fn received(&self) -> Vec<ReceivedRequest> {
        std::mem::take(&mut self.received.lock().expect("the requests"))
    }
}

impl ReceivedRequest {
    /// All values of this header, with names compared as a CGI server does: case is ignored, and all characters other than
    /// letters and digits are equal.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let wanted = cgi_name(name);
        let fitting = self.headers.iter().filter(|(name, _)| cgi_name(name) == wanted);
        fitting.map(|(_, value)| value.as_str()).collect()
    }

    /// The only value of this header.
    pub fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {self:?}");
        all[0]
    }
}

fn cgi_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Serves one request per connection.
fn serve(mut stream: TcpStream, received: &Mutex<Vec<ReceivedRequest>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let line = text_line(&mut reader)?;
    let mut headers = header_block(&mut reader)?;
    let value = |wanted: &str| {
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
    };
    let mut body = Vec::new();
    if value("transfer-encoding").is_some() {
        loop {
            let size = text_line(&mut reader)?;
            let size = u64::from_str_radix(size.split(';').next().unwrap_or_default(), 16).unwrap_or(0);
            if size == 0 {
                break;
            }
            reader.by_ref().take(size).read_to_end(&mut body)?;
            text_line(&mut reader)?;
        }
        headers.extend(header_block(&mut reader)?);
    } else if let Some(length) = value("content-length") {
        reader.take(length.parse().unwrap_or(0)).read_to_end(&mut body)?;
    }
    received.lock().expect("the requests").push(ReceivedRequest { line, headers, body });
    stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nthe app's\r\n")
}

fn header_block(reader: &mut impl BufRead) -> std::io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = text_line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn text_line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}
