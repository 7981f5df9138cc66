//! An id for each request, and a log line.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web;
use log::{Level, log_enabled};

use crate::real_ip::{TrustedProxies, client_ip};
use crate::request_id::RequestId;

/// The header of the request id, in requests from trusted proxies and in every response.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TARGET: &str = "access";
/// Limits what a client can write into the log.
const MAX_PATH: usize = 256;
/// Load balancers and process supervisors request these every few seconds, and each resource server polls the last one.
const POLLED: [&str; 3] = ["/healthz", "/readyz", "/revocations"];

/// The line of a request on the target `access`.
pub(crate) struct Line {
    method: Method,
    path: String,
    client: Option<IpAddr>,
    started: Instant,
}

/// The id of a request: that of `X-Request-Id` if one of the app's [`TrustedProxies`] sent it, or a new one.
pub(crate) fn id_of(request: &ServiceRequest) -> RequestId {
    id_from_proxy(request).unwrap_or_else(RequestId::random)
}

/// The value of [`X_REQUEST_ID`] for the response.
pub(crate) fn header(id: &RequestId) -> HeaderValue {
    HeaderValue::from_str(id.as_str()).expect("an id has only visible ASCII characters")
}

fn id_from_proxy(request: &ServiceRequest) -> Option<RequestId> {
    let mut values = request.headers().get_all(&X_REQUEST_ID);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let proxies = request.app_data::<web::Data<TrustedProxies>>()?;
    let is_from_proxy = proxies.sent(request.request());
    is_from_proxy.then(|| value.to_str().ok().and_then(RequestId::parse)).flatten()
}

impl Line {
    /// `None` if the log filter drops the line.
    pub fn of(request: &ServiceRequest) -> Option<Self> {
        // Also without a log line, because it warns about wrong proxy headers.
        let client = client_ip(request.request());
        log_enabled!(target: TARGET, Level::Info).then(|| Self {
            method: request.method().clone(),
            // Not the query, which can contain secrets.
            path: request.path().chars().map(printable).take(MAX_PATH).collect(),
            client,
            started: Instant::now(),
        })
    }

    pub fn log(&self, status: StatusCode) {
        let is_idle_poll = POLLED.contains(&self.path.as_str()) && status.is_success();
        let level = if is_idle_poll { Level::Debug } else { Level::Info };
        if !log::log_enabled!(target: TARGET, level) {
            return;
        }
        let duration_ms = milliseconds(self.started.elapsed());
        let (method, path, status) = (self.method.as_str(), self.path.as_str(), status.as_u16());
        let ip = self.client.map(|client| client.to_string());
        let client = ip.as_deref().unwrap_or("-");
        log::log!(
            target: TARGET, level,
            method, path, status, duration_ms, ip;
            "{method} {path} {status} {duration_ms:.1} ms {client}"
        );
    }
}

/// Keeps the log line on one line, and the path one word.
fn printable(c: char) -> char {
    if c.is_control() || c.is_whitespace() { '?' } else { c }
}

/// With one decimal.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
