use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use shared_claims::{Code, Problem};

use crate::framework_errors::{self, get_or_head, method_not_allowed, not_found};

/// OpenMetrics 1.0, which Prometheus reads without being asked to.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long a reader may take to send the head of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Few read it, and whoever holds connections must not take the server's files.
const MAX_CONNECTIONS: usize = 64;

/// A listener of its own that answers `GET /metrics`, to anybody: bind it where only operators come.
pub struct MetricsServer {
    address: SocketAddr,
    server: Server,
}

impl MetricsServer {
    /// To be polled by [`run`](Self::run).
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn on(listener: TcpListener, registry: Registry) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let registry = web::Data::from(Arc::new(registry));
        let app = move || {
            App::new()
                .app_data(registry.clone())
                .service(
                    web::resource("/metrics")
                        .route(get_or_head().to(show))
                        .default_service(method_not_allowed("GET, HEAD")),
                )
                .default_service(not_found())
                .wrap(from_fn(framework_errors::to_problems))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .max_connections(MAX_CONNECTIONS)
            .client_request_timeout(REQUEST_TIMEOUT)
            // It ends when the server does that it tells of.
            .disable_signals()
            .listen(listener)?;
        Ok(Self { address, server: server.run() })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers, in a task of its own on the present actix arbiter, until the handle stops it.
    #[expect(clippy::must_use_candidate, reason = "whoever never stops it needs no handle")]
    pub fn run(self) -> ServerHandle {
        let handle = self.server.handle();
        rt::spawn(self.server);
        handle
    }
}

async fn show(registry: web::Data<Registry>) -> Result<HttpResponse, Problem> {
    let mut page = String::new();
    text::encode(&mut page, &registry).map_err(|_| Problem::new(Code::InternalError))?;
    Ok(HttpResponse::Ok().content_type(MEDIA_TYPE).insert_header((CACHE_CONTROL, "no-store")).body(page))
}
