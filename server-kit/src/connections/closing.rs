//! Whether actix closes the connection after a response. A proxy that is not told sends the next request of another client
//! into the closing connection.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::ConnectionType;
use actix_web::http::header::TRANSFER_ENCODING;
use futures_util::Stream as _;
use futures_util::stream::poll_fn;

/// What decides whether the connection is closed.
pub struct Closing {
    keeps_alive: bool,
    /// If the body comes in chunks: whether the app has read it to its end.
    body: Option<Rc<Cell<bool>>>,
}

impl Closing {
    /// Call it before the app reads the body.
    pub fn of(request: &mut ServiceRequest) -> Self {
        // Not after `Connection: Upgrade` either, although no handler upgrades.
        let keeps_alive = request.head().connection_type() == ConnectionType::KeepAlive;
        let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
        Self { keeps_alive, body: is_chunked.then(|| watch_body(request)) }
    }

    /// Call it when the app has responded.
    pub fn is_expected(&self) -> bool {
        // actix says so itself after a body with a length that was not read. Chunks it skips, and closes the connection
        // if one of them is malformed.
        !self.keeps_alive || self.body.as_ref().is_some_and(|has_ended| !has_ended.get())
    }
}

fn watch_body(request: &mut ServiceRequest) -> Rc<Cell<bool>> {
    let has_ended = Rc::new(Cell::new(false));
    let seen = Rc::clone(&has_ended);
    let mut body = request.take_payload();
    let watched = poll_fn(move |context| {
        let part = Pin::new(&mut body).poll_next(context);
        if matches!(part, Poll::Ready(None)) {
            seen.set(true);
        }
        part
    });
    request.set_payload(Payload::Stream { payload: Box::pin(watched) });
    has_ended
}
