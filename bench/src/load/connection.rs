use std::io::{self, Error, ErrorKind};
use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BUFFER: usize = 16 << 10;

/// A connection with keep-alive. It is opened by the first request, and again after the server has closed it.
pub struct Connection<'a> {
    host: &'a str,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// The status and the body of a response.
pub struct Response<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    body: Range<usize>,
    closes: bool,
}

impl<'a> Connection<'a> {
    pub fn new(host: &'a str) -> Self {
        Self { host, stream: None, buffer: vec![0; BUFFER] }
    }

    /// Sends a request and reads the response.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Response<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.host).await?,
        };
        stream.write_all(request).await?;
        let head = receive(&mut stream, &mut self.buffer).await?;
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(Response { status: head.status, body: &self.buffer[head.body] })
    }
}

async fn connect(host: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Head> {
    let mut filled = 0;
    let mut head = None;
    loop {
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
        match stream.read(&mut buffer[filled..]).await? {
            0 => return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
            count => filled += count,
        }
        if head.is_none() {
            head = parse(&buffer[..filled])?;
        }
        if let Some(head) = head.take_if(|head| head.body.end <= filled) {
            return Ok(head);
        }
    }
}

/// `None` if the head is incomplete.
fn parse(received: &[u8]) -> io::Result<Option<Head>> {
    let invalid = |message| Error::new(ErrorKind::InvalidData, message);
    let (mut start, mut length, mut closes) = (0, None, false);
    while let Some(end) = received[start..].iter().position(|&byte| byte == b'\n') {
        let line = received[start..start + end].trim_ascii_end();
        start += end + 1;
        if line.is_empty() {
            let length: usize = length.ok_or_else(|| invalid("a response without Content-Length"))?;
            let status = received.get(9..12).and_then(number).and_then(|status| u16::try_from(status).ok());
            let status = status.ok_or_else(|| invalid("no HTTP status"))?;
            return Ok(Some(Head { status, body: start..start + length, closes }));
        }
        if let Some(value) = value(line, b"content-length:") {
            length = Some(number(value).ok_or_else(|| invalid("invalid Content-Length"))?);
        } else if let Some(value) = value(line, b"connection:") {
            closes = value.eq_ignore_ascii_case(b"close");
        } else if line.starts_with(b"HTTP/1.1 204") {
            length = Some(0);
        }
    }
    Ok(None)
}

/// The value of a header, if the line has this name.
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Head, parse};

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let received = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok";
        let head = Head { status: 200, body: received.len() - 2..received.len(), closes: true };
        assert_eq!(parse(received).unwrap(), Some(head));
        assert_eq!(parse(&received[..received.len() - 3]).unwrap(), None);
    }

    #[test]
    fn a_response_without_a_length_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n").is_err());
        assert_eq!(parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap().status, 204);
    }
}
