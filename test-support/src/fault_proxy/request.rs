use std::io::{BufRead, Error, ErrorKind, Read as _, Result};

/// A request as received, except for `Connection`, which applies to a single hop (RFC 9110 §7.6.1).
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub bytes: Vec<u8>,
}

impl Request {
    /// `None` if the client closes the connection without a request: browsers open connections in advance.
    pub fn read(stream: &mut impl BufRead) -> Result<Option<Self>> {
        let first = line(stream)?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut words = first.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(Error::new(ErrorKind::InvalidData, "no request line"));
        };
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));

        let mut head = first;
        let mut length = 0;
        loop {
            let header = line(stream)?;
            let Some((name, value)) = header.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "connection" => continue,
                "content-length" => {
                    length =
                        value.trim().parse().map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
                }
                // No client of the tests uses it.
                "transfer-encoding" => {
                    return Err(Error::new(ErrorKind::Unsupported, "chunked requests are not supported"));
                }
                _ => {}
            }
            head += &header;
        }
        head += "Connection: close\r\n\r\n";

        let mut bytes = head.into_bytes();
        stream.take(length).read_to_end(&mut bytes)?;
        Ok(Some(Self { method, path: path.to_owned(), query: query.to_owned(), bytes }))
    }
}

/// A line with its line break; empty at the end of the stream.
fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line)
}
