//! A connection as actix reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::http::header::STRICT_TRANSPORT_SECURITY;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::{Connection, Socket};
use crate::default_headers::HSTS;

/// Longer than any response that actix writes for a request that it cannot parse.
const MAX_ERROR_HEAD: usize = 200;

/// A connection with HTTP/1.1, for actix.
///
/// Requests that actix cannot parse reach no middleware. actix writes the response itself (400 or 431), closes the
/// connection, and does not say so if an earlier request kept the connection open. This type adds `Connection: close`.
///
/// A connection without a request ends without a response: a load balancer that has opened it in advance would pass on
/// actix's 408 as the response to its next request.
pub struct Stream {
    wire: Wire,
    has_received: bool,
    error: Option<ErrorHead>,
}

enum Wire {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

/// The response to a request that cannot be parsed.
struct ErrorHead {
    bytes: Vec<u8>,
    sent: usize,
}

impl Stream {
    pub fn plain(socket: Socket) -> Self {
        Self { wire: Wire::Plain(socket), has_received: false, error: None }
    }

    pub fn tls(stream: Box<TlsStream<Socket>>) -> Self {
        Self { wire: Wire::Tls(stream), has_received: false, error: None }
    }

    /// For the middleware.
    pub fn connection(&self) -> &Arc<Connection> {
        match &self.wire {
            Wire::Plain(socket) => socket.connection(),
            Wire::Tls(stream) => stream.get_ref().0.connection(),
        }
    }

    fn write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(match &mut self.wire {
            Wire::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        })?;
        self.has_received |= buffer.filled().len() > before;
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
        let requires_https = self.connection().requires_https();
        let mut error = match (self.error.take(), error_head(bytes)) {
            (Some(error), _) => error,
            (None, None) => return self.write(context, bytes),
            (None, Some(0)) => ErrorHead { bytes: with_close(bytes, requires_https), sent: 0 },
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

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(socket) => Pin::new(socket).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
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
fn with_close(head: &[u8], requires_https: bool) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let lines = head.trim_end().split("\r\n").filter(|line| !line.starts_with("connection: "));
    let hsts = requires_https.then(|| format!("{STRICT_TRANSPORT_SECURITY}: {HSTS}"));
    let added = ["connection: close", "x-content-type-options: nosniff", "referrer-policy: no-referrer"];
    let lines = lines.chain(added).chain(hsts.as_deref()).chain(["", ""]);
    lines.collect::<Vec<_>>().join("\r\n").into_bytes()
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
        let closing = String::from_utf8(with_close(OF_ACTIX, false)).expect("text");
        assert!(closing.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"));
        assert!(closing.contains("\r\nconnection: close\r\n") && !closing.contains("keep-alive"));
        assert!(closing.ends_with("\r\n\r\n") && !closing.contains("strict-transport-security"));
        let over_tls = String::from_utf8(with_close(OF_ACTIX, true)).expect("text");
        assert!(over_tls.ends_with("\r\nstrict-transport-security: max-age=31536000\r\n\r\n"));
    }
}
