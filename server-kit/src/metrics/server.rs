use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::VARY;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use prometheus_client::registry::Registry;
use shared_claims::{Code, Problem};

use crate::default_headers::default_headers;
use crate::framework_errors::{self, get_or_head, not_found, resource};
use crate::metrics::exposition::Exposition;

/// How long a client may take to send the head of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Few clients need it, and they must not use up the server's open files.
const MAX_CONNECTIONS: usize = 64;

/// A separate listener for `GET /metrics`, without authentication. Bind it where only operators can connect.
pub struct MetricsServer {
    address: SocketAddr,
    server: Server,
}

impl MetricsServer {
    /// Prepares the server. [`run`](Self::run) starts it.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn new(listener: TcpListener, registry: Registry) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let registry = web::Data::from(Arc::new(registry));
        let app = move || {
            App::new()
                .app_data(registry.clone())
                .service(resource("/metrics", "GET, HEAD").route(get_or_head().to(show)))
                .default_service(not_found())
                .wrap(from_fn(framework_errors::to_problems))
                .wrap(from_fn(default_headers))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .max_connections(MAX_CONNECTIONS)
            .client_request_timeout(REQUEST_TIMEOUT)
            // It stops together with the server whose metrics it exposes.
            .disable_signals()
            .listen(listener)?;
        Ok(Self { address, server: server.run() })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves in a task on the current actix arbiter until the handle stops it.
    #[must_use = "the handle stops the server"]
    pub fn run(self) -> ServerHandle {
        let handle = self.server.handle();
        rt::spawn(self.server);
        handle
    }
}

async fn show(request: HttpRequest, registry: web::Data<Registry>) -> Result<HttpResponse, Problem> {
    let format = Exposition::preferred(request.headers());
    let page = format.encode(&registry).map_err(|_| Problem::new(Code::InternalError))?;
    Ok(HttpResponse::Ok().content_type(format.media_type()).insert_header((VARY, "Accept")).body(page))
}
