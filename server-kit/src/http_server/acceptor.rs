use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::rt::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::connections::{Connections, Socket, Stream};
use crate::tls::Tls;

/// Admits new connections, and encrypts them.
#[derive(Clone)]
pub struct Acceptor {
    pub connections: Arc<Connections>,
    pub tls: Option<Tls>,
}

/// A connection by its protocol.
pub enum Accepted {
    Http1(Stream),
    Http2(Box<TlsStream<Socket>>),
}

impl Acceptor {
    pub async fn accept(&self, socket: TcpStream, peer: SocketAddr) -> io::Result<Accepted> {
        let Some(tls) = &self.tls else {
            return Ok(Accepted::Http1(Stream::plain(self.connections.admit(socket, peer)?)));
        };
        // The session tickets of TLS 1.3 would otherwise delay the first response.
        socket.set_nodelay(true)?;
        let (stream, has_http2) = tls.accept(self.connections.admit(socket, peer)?).await?;
        Ok(if has_http2 { Accepted::Http2(stream) } else { Accepted::Http1(Stream::tls(stream)) })
    }
}
