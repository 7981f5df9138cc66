//! The bytes of a connection, which count as its activity.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::net::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use super::{Connection, Connections};

/// The socket of an open connection, below HTTP and TLS. It leaves the [`Connections`] when it is dropped.
pub struct Socket {
    reader: OwnedReadHalf,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Socket {
    pub(super) fn new(
        reader: OwnedReadHalf,
        connection: Arc<Connection>,
        connections: Arc<Connections>,
    ) -> Self {
        Self { reader, connection, connections }
    }

    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.reader).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.connection.activity().received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
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

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(rustix::net::shutdown(self.connection.socket(), Shutdown::Write).map_err(io::Error::from))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.connections.remove(&self.connection);
    }
}
