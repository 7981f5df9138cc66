//! The HTTP server of both programs: HTTP/1.1 and, over TLS, HTTP/2 on connections that are counted and watched.

mod acceptor;
mod http2;

use std::fmt;
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_http::{HttpService, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory};
use actix_web::rt::net::TcpStream;
use actix_web::{Error, rt, web};
use tokio::sync::watch;

use crate::connections::{Connections, Stream};
use crate::real_ip::TrustedProxies;
use crate::settings::duration;
use crate::tls::Tls;

use acceptor::{Accepted, Acceptor};

/// How long a client may take to send the first request head. If it has sent a part, it then receives 408.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a closing connection is read from, so that the client receives the response.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Seconds that requests in progress have to finish when the server stops. `docker stop` kills a container after 10.
const SHUTDOWN_SECONDS: u64 = 8;

/// The longest value of `KEEP_ALIVE`.
const MAX_KEEP_ALIVE: Duration = Duration::from_secs(60 * 60);
/// actix panics above it.
const MAX_WORKERS: usize = 512;

/// How to serve.
pub struct Options {
    /// Threads. Default: one per core.
    pub workers: Option<NonZeroUsize>,
    /// How long a connection may be idle between two requests.
    pub keep_alive: Duration,
    /// Peers without a limit of connections per address.
    pub trusted_proxies: web::Data<TrustedProxies>,
    /// Plain HTTP without it.
    pub tls: Option<Tls>,
    /// Begins when the server stops.
    pub shutdown: Shutdown,
}

/// Whether the server has begun to stop. Requests that wait for something must then respond.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Sender<bool>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Shutdown {
    /// Resolves when the server begins to stop, or immediately if it already has.
    pub async fn begun(&self) {
        // This sender keeps the channel open.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }

    fn begin(&self) {
        self.0.send_replace(true);
    }
}

/// The setting `KEEP_ALIVE`.
///
/// # Errors
/// A hint at valid values.
pub fn keep_alive(text: &str) -> Result<Duration, String> {
    let is_valid = |duration: &Duration| (Duration::from_secs(1)..=MAX_KEEP_ALIVE).contains(duration);
    duration(text).ok().filter(is_valid).ok_or_else(|| "give 1s to 1h, such as 75s".to_owned())
}

/// The setting `WORKERS`.
///
/// # Errors
/// A hint at valid values.
pub fn workers(text: &str) -> Result<NonZeroUsize, String> {
    let parsed = text.parse().ok().filter(|workers: &NonZeroUsize| workers.get() <= MAX_WORKERS);
    parsed.ok_or_else(|| format!("give 1 to {MAX_WORKERS}"))
}

/// Prepares the server. It responds once the result is polled. Wrap [`handle_request`](crate::middleware::handle_request)
/// around everything else in the app.
///
/// # Errors
/// The listener cannot be used.
///
/// # Panics
/// Outside of an actix system.
pub fn serve<F, I, S, B>(listener: TcpListener, options: Options, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let Options { workers, keep_alive, trusted_proxies, tls, shutdown } = options;
    let workers =
        workers.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get).min(MAX_WORKERS);
    let requires_https = tls.as_ref().is_some_and(Tls::requires_https);
    let connections = Arc::new(Connections::new(keep_alive, trusted_proxies.into_inner(), requires_https));
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections.per_worker(workers))
        .shutdown_timeout(SHUTDOWN_SECONDS);
    let stopping = builder.graceful_shutdown_signal();
    let (signal, begins) = (stopping.clone(), shutdown.clone());
    rt::spawn(async move {
        signal.notified().await;
        begins.begin();
    });
    rt::spawn(Connections::watch(Arc::downgrade(&connections)));
    if let Some(tls) = &tls {
        rt::spawn(tls.watch_files());
    }
    let address = listener.local_addr()?;
    let acceptor = Acceptor { connections, tls };
    let builder = builder.listen("http", listener, move || {
        let state = (acceptor.clone(), shutdown.clone(), stopping.clone());
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let app = map_config(app, |()| AppConfig::default());
        fn_factory(move || {
            let (acceptor, shutdown, stopping) = state.clone();
            let app = app.new_service(());
            async move {
                // One app for both protocols.
                let app = app.await.map(Rc::new);
                let app = app.map_err(|error| log::error!("the app cannot start: {error:?}"))?;
                let for_http1 = Rc::clone(&app);
                let http1 = HttpService::build()
                    .keep_alive(keep_alive)
                    .client_request_timeout(REQUEST_TIMEOUT)
                    // A client that closes its side of the connection has hung up, and its request is dropped.
                    .h1_allow_half_closed(false)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    .local_addr(address)
                    .graceful_shutdown_signal(move || {
                        let stopping = stopping.clone();
                        async move { stopping.notified().await }
                    })
                    .on_connect_ext(|stream: &Stream, data| {
                        data.insert(Arc::clone(stream.connection()));
                    })
                    .finish(fn_factory(move || ready(Ok::<_, ()>(Rc::clone(&for_http1)))));
                let http1 = Rc::new(http1.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |socket: TcpStream| {
                    let (acceptor, shutdown) = (acceptor.clone(), shutdown.clone());
                    let (app, http1) = (Rc::clone(&app), Rc::clone(&http1));
                    async move {
                        let peer = socket.peer_addr()?;
                        match acceptor.accept(socket, peer).await? {
                            Accepted::Http1(stream) => {
                                http1.call((stream, Protocol::Http1, Some(peer))).await
                            }
                            Accepted::Http2(stream) => {
                                Ok(http2::serve(stream, peer, app, keep_alive, &shutdown).await?)
                            }
                        }
                    }
                }))
            }
        })
    })?;
    Ok(builder.run())
}
