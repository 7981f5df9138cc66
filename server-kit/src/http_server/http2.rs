//! HTTP/2, on connections over TLS. actix's own implementation limits neither requests nor their headers, and does not say
//! when it closes a connection.

mod request;
mod response;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{Request, Response};
use actix_service::Service;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::rt;
use actix_web::web::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::{DISCONNECT_TIMEOUT, Shutdown};
use crate::connections::Socket;

/// Requests of a connection that may be in progress. Browsers keep further ones back.
const MAX_STREAMS: u32 = 64;
/// Memory of the headers of a request (RFC 9113 §6.5.2). A larger request receives 431.
const MAX_HEADER_LIST: u32 = 32 * 1024;
/// How long a client may take for its first frames.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the requests of a connection until the client closes it, it is idle for `keep_alive`, or the server stops. The last
/// two let requests in progress finish.
pub async fn serve<S, B>(
    stream: Box<TlsStream<Socket>>,
    peer: SocketAddr,
    app: Rc<S>,
    keep_alive: Duration,
    shutdown: &Shutdown,
) -> Result<(), h2::Error>
where
    S: Service<Request> + 'static,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<BoxBody>>,
    B: MessageBody + 'static,
{
    let connection = Arc::clone(stream.get_ref().0.connection());
    let mut builder = Builder::new();
    builder.max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEADER_LIST);
    let Ok(opened) = timeout(PREFACE_TIMEOUT, builder.handshake(stream)).await else { return Ok(()) };
    let mut h2: Connection<_, Bytes> = opened?;
    let mut is_closing = false;
    loop {
        tokio::select! {
            next = h2.accept() => {
                let Some(next) = next else { return Ok(()) };
                let (request, responder) = next?;
                let is_head = request.method() == Method::HEAD;
                let (request, unread) = request::convert(request, peer, &connection);
                let app = Rc::clone(&app);
                rt::spawn(async move {
                    respond(app, request, is_head, responder).await;
                    // Some clients lose the response if the server does not receive what they are still sending.
                    if let Ok(body) = unread.await {
                        let _ = timeout(DISCONNECT_TIMEOUT, request::discard(body)).await;
                    }
                });
            }
            () = shutdown.begun(), if !is_closing => is_closing = true,
            () = sleep(keep_alive.saturating_sub(connection.idle_for())), if !is_closing => {
                is_closing = connection.idle_for() >= keep_alive;
            }
        }
        if is_closing {
            h2.graceful_shutdown();
        }
    }
}

/// Drops the request if the client takes it back or hangs up, as actix does with HTTP/1.1.
async fn respond<S, B>(app: Rc<S>, request: Request, is_head: bool, mut responder: SendResponse<Bytes>)
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<BoxBody>>,
    B: MessageBody,
{
    let result = tokio::select! {
        biased;
        _ = poll_fn(|context| responder.poll_reset(context)) => return,
        result = app.call(request) => result,
    };
    let sent = match result {
        Ok(response) => response::send(response.into(), is_head, responder).await,
        Err(error) => response::send(error.into(), is_head, responder).await,
    };
    if let Err(error) = sent {
        log::debug!("a response by HTTP/2 was not sent: {error}");
    }
}
