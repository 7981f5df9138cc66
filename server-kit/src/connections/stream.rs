//! A connection as actix reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::net::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use super::{Connection, Connections};

/// Longer than any response that actix writes for a request that it cannot parse.
const MAX_ERROR_HEAD: usize = 200;

/// A connection, for actix.
///
/// Requests that actix cannot parse reach no middleware. actix writes the response itself (400 or 431), closes the
/// connection, and does not say so if an earlier request kept the connection open. This type adds `Connection: close`.
///
/// A connection without a request ends without a response: a load balancer that has opened it in advance would pass on
/// actix's 408 as the response to its next request.
pub struct Stream {
    reader: OwnedReadHalf,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    has_received: bool,
    error: Option<ErrorHead>,
}

/// The response to a request that cannot be parsed.
struct ErrorHead {
    bytes: Vec<u8>,
    sent: usize,
}

impl Stream {
    pub(super) fn new(
        reader: OwnedReadHalf,
        connection: Arc<Connection>,
        connections: Arc<Connections>,
    ) -> Self {
        Self { reader, connection, connections, has_received: false, error: None }
    }

    /// For the middleware.
    pub fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }

    fn write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.connection.socket();
        let result = loop {
            match socket.poll_write_ready(context) {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(ready) => ready?,
            }
            match socket.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => break Poll::Ready(result),
            }
        };
        self.connection.activity().is_sending(result.is_pending());
        result
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.reader).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.has_received = true;
            self.connection.activity().received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.has_received {
            return Poll::Ready(Ok(bytes.len()));
        }
        let mut error = match (self.error.take(), error_head(bytes)) {
            (Some(error), _) => error,
            (None, None) => return self.write(context, bytes),
            (None, Some(0)) => ErrorHead { bytes: with_close(bytes), sent: 0 },
            (None, Some(start)) => return self.write(context, &bytes[..start]),
        };
        while error.sent < error.bytes.len() {
            match self.write(context, &error.bytes[error.sent..]) {
                Poll::Ready(Ok(count)) => error.sent += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.error = Some(error);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(rustix::net::shutdown(self.connection.socket(), Shutdown::Write).map_err(io::Error::from))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connections.remove(&self.connection);
    }
}

/// Where a response to an unparseable request begins, if `bytes` end with one. It is the last response of a connection,
/// and differs from those of the app by its headers: the app adds an id to each.
fn error_head(bytes: &[u8]) -> Option<usize> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let window = bytes.len().saturating_sub(MAX_ERROR_HEAD);
    let start = window + bytes[window..].windows(5).rposition(|part| part == b"HTTP/")?;
    let head = std::str::from_utf8(&bytes[start..]).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?;
    let of_actix = |line: &str| {
        ["content-length: 0", "connection: ", "date: "].iter().any(|name| line.starts_with(name))
    };
    (status.starts_with(['4', '5']) && lines.all(of_actix)).then_some(start)
}

/// The same response, with `Connection: close` and the headers that every response has.
fn with_close(head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let lines = head.trim_end().split("\r\n").filter(|line| !line.starts_with("connection: "));
    let added =
        ["connection: close", "x-content-type-options: nosniff", "referrer-policy: no-referrer", "", ""];
    lines.chain(added).collect::<Vec<_>>().join("\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_APP: &[u8] =
        b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nx-request-id: a\r\ndate: x\r\n\r\n";
    const OF_ACTIX: &[u8] =
        b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: keep-alive\r\ndate: x\r\n\r\n";

    #[test]
    fn only_a_response_without_the_headers_of_the_app_is_changed() {
        assert_eq!(error_head(OF_APP), None);
        assert_eq!(error_head(b"\r\n\r\n"), None);
        assert_eq!(error_head(OF_ACTIX), Some(0));
        let both = [OF_APP, OF_ACTIX].concat();
        assert_eq!(error_head(&both), Some(OF_APP.len()));
        assert_eq!(error_head(&both[..both.len() - 1]), None);
        let closing = String::from_utf8(with_close(OF_ACTIX)).expect("text");
        assert!(closing.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"));
        assert!(closing.contains("\r\nconnection: close\r\n") && !closing.contains("keep-alive"));
        assert!(closing.ends_with("\r\n\r\n"));
    }
}
