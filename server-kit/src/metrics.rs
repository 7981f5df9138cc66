//! Metrics of every request, and the listener that exposes them. Each server has its own registry, so that several can
//! run in one process.

mod counter;
mod exposition;
mod process;
mod server;

use std::sync::atomic::AtomicU64;
use std::time::Instant;

use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use counter::LabelledCounter;
pub use server::MetricsServer;

/// A gauge for seconds and other fractional numbers.
pub type FloatGauge = Gauge<f64, AtomicU64>;

/// In seconds: from a response out of memory to a login that waits for the hashing pool or a database that hangs.
pub const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The route of unknown paths. Clients can send any number of paths, and Prometheus would keep each label.
const UNMATCHED: &str = "unmatched";

/// The `process_` metrics, and those that `add` registers. The names of the latter start with `prefix`.
pub fn registry(prefix: &str, add: impl FnOnce(&mut Registry)) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(process::ProcessState::new()));
    add(registry.sub_registry_with_prefix(prefix));
    registry
}

/// The number and duration of requests by route.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
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
    /// Adds the metrics to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests by route, method and status.", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to the head of its response.",
            self.durations.clone(),
        );
    }

    fn count(&self, route: String, method: &'static str, status: StatusCode, started: Instant) {
        let status = status.as_u16();
        let labels = RequestLabels { route, method, status };
        self.requests.get_or_create(&labels).inc();
        let labels = DurationLabels { route: labels.route, method };
        self.durations.get_or_create(&labels).observe(started.elapsed().as_secs_f64());
    }
}

/// A request whose response is counted, if the app has [`HttpMetrics`] as `app_data` in [`web::Data`].
pub(crate) struct Measurement {
    metrics: web::Data<HttpMetrics>,
    method: &'static str,
    started: Instant,
}

impl Measurement {
    pub fn begin(request: &ServiceRequest) -> Option<Self> {
        let metrics = request.app_data::<web::Data<HttpMetrics>>()?.clone();
        Some(Self { metrics, method: method_label(request.method()), started: Instant::now() })
    }

    pub fn end(self, route: Option<String>, status: StatusCode) {
        // The pattern and not the path: the number of labels must be limited.
        let route = route.unwrap_or_else(|| UNMATCHED.to_owned());
        self.metrics.count(route, self.method, status, self.started);
    }
}

/// Clients can send any method.
fn method_label(method: &Method) -> &'static str {
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
