use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A connection, by lines.
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    pub fn plain(stream: TcpStream) -> Self {
        Self { stream: Stream::Plain(stream), buffer: Vec::new() }
    }

    /// What arrived before the handshake must not count as encrypted (CVE-2011-0411).
    pub fn encrypt(self, config: Arc<ServerConfig>) -> io::Result<Self> {
        assert!(self.buffer.is_empty(), "the client sends commands before the handshake");
        let Stream::Plain(stream) = self.stream else { return Err(ErrorKind::InvalidInput.into()) };
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        let stream = Stream::Tls(Box::new(StreamOwned::new(connection, stream)));
        Ok(Self { stream, buffer: Vec::new() })
    }

    pub fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    pub fn say(&mut self, line: &str) -> io::Result<()> {
        let bytes = format!("{line}\r\n");
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes.as_bytes()),
            Stream::Tls(stream) => stream.write_all(bytes.as_bytes()).and_then(|()| stream.flush()),
        }
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> io::Result<String> {
        self.until(b"\r\n")
    }

    /// Everything before the line with a single dot, without the dots that the client added.
    pub fn data(&mut self) -> io::Result<String> {
        let text = self.until(b"\r\n.\r\n")?;
        let lines = text.split("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line));
        Ok(lines.collect::<Vec<_>>().join("\r\n"))
    }

    fn until(&mut self, end: &[u8]) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let text = String::from_utf8_lossy(&self.buffer[..at]).into_owned();
                self.buffer.drain(..at + end.len());
                return Ok(text);
            }
            let mut bytes = [0; 4096];
            let count = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut bytes)?,
                Stream::Tls(stream) => stream.read(&mut bytes)?,
            };
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&bytes[..count]);
        }
    }
}
