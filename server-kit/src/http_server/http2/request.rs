//! A request of HTTP/2 as handlers expect it: in the form of HTTP/1.1.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_http::{HttpMessage as _, Payload, Request};
use actix_web::error::PayloadError;
use actix_web::http::Uri;
use actix_web::http::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use futures_util::Stream;
use h2::RecvStream;
use tokio::sync::oneshot;

use crate::connections::Connection;

/// The body of a request. What the app leaves unread of it is passed on.
struct Body {
    stream: Option<RecvStream>,
    unread: Option<oneshot::Sender<RecvStream>>,
}

/// Also returns where the rest of the body arrives when the app drops it.
pub fn convert(
    request: http::Request<RecvStream>,
    peer: SocketAddr,
    connection: &Arc<Connection>,
) -> (Request, oneshot::Receiver<RecvStream>) {
    let (parts, body) = request.into_parts();
    let (unread, rest) = oneshot::channel();
    let mut request = Request::new();
    if !body.is_end_stream() {
        let body = Body { stream: Some(body), unread: Some(unread) };
        *request.payload() = Payload::Stream { payload: Box::pin(body) };
    }
    let head = request.head_mut();
    head.headers = parts.headers.into();
    join_cookies(&mut head.headers);
    // RFC 9113 §8.3.1: the pseudo-header comes first.
    if let Some(host) = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        head.headers.insert(HOST, host);
    }
    head.uri = parts.uri.into_parts().path_and_query.map_or_else(Uri::default, Uri::from);
    head.method = parts.method;
    head.version = parts.version;
    head.peer_addr = Some(peer);
    request.extensions_mut().insert(Arc::clone(connection));
    (request, rest)
}

/// Reads a body to its end.
pub async fn discard(mut body: RecvStream) {
    while let Some(Ok(chunk)) = body.data().await {
        if body.flow_control().release_capacity(chunk.len()).is_err() {
            return;
        }
    }
}

/// A client may send each cookie in a header of its own (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let Some(chunk) = ready!(stream.poll_data(context)) else { return Poll::Ready(None) };
        let chunk = chunk.and_then(|chunk| {
            stream.flow_control().release_capacity(chunk.len())?;
            Ok(chunk)
        });
        Poll::Ready(Some(chunk.map_err(PayloadError::Http2Payload)))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let (Some(stream), Some(unread)) = (self.stream.take(), self.unread.take())
            && !stream.is_end_stream()
        {
            // The client may have hung up.
            let _ = unread.send(stream);
        }
    }
}
