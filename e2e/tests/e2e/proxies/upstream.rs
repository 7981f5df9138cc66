use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use test_support::fault_proxy::Listener;

/// The server behind the proxy: knows nothing, and keeps what it is told, to the byte.
pub struct Upstream {
    listener: Listener,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub line: String,
    /// As they stood there, and those behind a body in chunks, which some servers take for headers too.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Upstream {
    pub fn start() -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heard);
        let listener = Listener::start(move |stream| {
            // Whoever hangs up is noticed by whoever waits for an answer.
            let _ = serve(stream, &shared);
        });
        Self { listener, heard }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listener.port())
    }

    /// What has come since the last time.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().expect("what was heard"))
    }
}

impl Heard {
    /// Every value under this name, as a server that speaks CGI would read names: any case, and all that is no letter or
    /// digit is the same.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let wanted = cgi_name(name);
        let fitting = self.headers.iter().filter(|(name, _)| cgi_name(name) == wanted);
        fitting.map(|(_, value)| value.as_str()).collect()
    }

    /// The only value under it.
    pub fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {self:?}");
        all[0]
    }
}

fn cgi_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// One request for each connection.
fn serve(mut stream: TcpStream, heard: &Mutex<Vec<Heard>>) -> std::io::Result<()> {
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
    heard.lock().expect("what was heard").push(Heard { line, headers, body });
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
