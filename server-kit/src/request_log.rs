//! A name for each request, and a line about it in the log.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use log::{Level, log_enabled};

use crate::real_ip::{TrustedProxies, client_ip};
use crate::request_id::{RequestId, handling};

/// The header that tells a request's id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The log target of a line for each request.
const TARGET: &str = "access";
/// A longer path says no more, and anybody can send one.
const MAX_PATH: usize = 256;
/// Asked every few seconds, by whoever restarts servers and balances load.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What is told of a request.
struct Line {
    method: Method,
    path: String,
    client: Option<IpAddr>,
    began: Instant,
}

/// Middleware, wrapped around everything that answers or logs: names the request, in `X-Request-Id` of the answer and in
/// all that is logged meanwhile ([`request_id::current`](crate::request_id::current)), and logs a line about it, on the
/// target `access`. An id that one of the app's [`TrustedProxies`] sends along is kept.
///
/// # Errors
/// Those of what it is wrapped around, with the header.
pub async fn identify<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = id_of_proxy(&request).unwrap_or_else(RequestId::random);
    let header = header(&id);
    let answered = handling(id, async {
        // A clone of the request must not be held here: actix panics when it routes a request that is shared.
        let line = Line::of(&request);
        let answered = next.call(request).await;
        if let Some(line) = line {
            line.log(
                answered
                    .as_ref()
                    .map_or_else(|error| error.as_response_error().status_code(), ServiceResponse::status),
            );
        }
        answered
    });
    match answered.await {
        Ok(mut answer) => {
            answer.headers_mut().insert(X_REQUEST_ID, header);
            Ok(answer)
        }
        Err(error) => {
            let mut answer = error.error_response();
            answer.headers_mut().insert(X_REQUEST_ID, header);
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

fn header(id: &RequestId) -> HeaderValue {
    HeaderValue::from_str(id.as_str()).expect("letters, digits and the like")
}

fn id_of_proxy(request: &ServiceRequest) -> Option<RequestId> {
    let mut values = request.headers().get_all(&X_REQUEST_ID);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let proxies = request.app_data::<web::Data<TrustedProxies>>()?;
    let is_sent_by_one = proxies.sent(request.request());
    is_sent_by_one.then(|| value.to_str().ok().and_then(RequestId::parse)).flatten()
}

impl Line {
    /// Nothing, where nobody wants to read it.
    fn of(request: &ServiceRequest) -> Option<Self> {
        // Also where nobody reads it: what is wrong with the proxies' headers is said here.
        let client = client_ip(request.request());
        log_enabled!(target: TARGET, Level::Info).then(|| Self {
            method: request.method().clone(),
            // Not the query: people put into it what nobody should read.
            path: request.path().chars().map(printable).take(MAX_PATH).collect(),
            client,
            began: Instant::now(),
        })
    }

    fn log(&self, status: StatusCode) {
        let is_idle_question = PROBES.contains(&self.path.as_str()) && status.is_success();
        let level = if is_idle_question { Level::Debug } else { Level::Info };
        let took = Milliseconds(self.began.elapsed());
        let Self { method, path, .. } = self;
        let status = status.as_u16();
        match self.client {
            Some(client) => log::log!(target: TARGET, level, "{method} {path} {status} {took} ms {client}"),
            None => log::log!(target: TARGET, level, "{method} {path} {status} {took} ms -"),
        }
    }
}

/// A log line must stay one line, and one word must stay one.
fn printable(c: char) -> char {
    if c.is_control() || c.is_whitespace() { '?' } else { c }
}

struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0.as_secs_f64() * 1000.0)
    }
}
