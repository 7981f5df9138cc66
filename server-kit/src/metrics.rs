//! What is counted of every request, and where operators read it. Each server has a registry of its own, so that several
//! can run in one process.

mod counter;
mod server;

use std::sync::atomic::AtomicU64;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use counter::LabelledCounter;
pub use server::MetricsServer;

/// A gauge of seconds, ratios and other numbers that are not whole.
pub type FloatGauge = Gauge<f64, AtomicU64>;

/// In seconds: from an answer out of memory, over a login that waits its turn, to a database that hangs.
pub const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Whatever path is none of ours: anybody can invent one, and each label would be kept for good.
const UNMATCHED: &str = "unmatched";

/// Requests by route, and how long they took.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<Answered, Counter>,
    durations: Family<Timed, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    route: String,
    method: &'static str,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        Self { requests: Family::default(), durations }
    }
}

impl HttpMetrics {
    /// Has the registry show them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests that were answered", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to its answer",
            self.durations.clone(),
        );
    }

    fn count(&self, route: String, method: &'static str, status: StatusCode, began: Instant) {
        let status = status.as_u16();
        self.requests.get_or_create(&Answered { route: route.clone(), method, status }).inc();
        self.durations.get_or_create(&Timed { route, method }).observe(began.elapsed().as_secs_f64());
    }
}

/// Middleware, wrapped around everything that answers: counts the request, if the app has [`HttpMetrics`] as `app_data` in
/// [`web::Data`].
///
/// # Errors
/// Those of what it is wrapped around.
pub async fn measure<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(metrics) = request.app_data::<web::Data<HttpMetrics>>().cloned() else {
        return next.call(request).await;
    };
    let began = Instant::now();
    // Of the pattern, as of the method, there are only so many.
    let route = request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned());
    let method = known(request.method());
    let answered = next.call(request).await;
    let status = answered
        .as_ref()
        .map_or_else(|error| error.as_response_error().status_code(), ServiceResponse::status);
    metrics.count(route, method, status, began);
    answered
}

/// Anybody can invent a method, too.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
