//! An auth server as a resource server sees it: metadata and a key set over HTTP. It can also misbehave.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use shared_claims::testing::{SigningKey, jwk_set};

/// The response at the URL of the key set.
#[derive(Clone)]
pub enum Response {
    Document(String),
    Status(u16),
    RedirectTo(String),
    /// This many bytes, without a `Content-Length`.
    Endless(usize),
    /// Headers and part of the body, then nothing.
    Stalled,
    /// Nothing at all.
    Silent,
}

pub struct Issuer {
    pub address: SocketAddr,
    response: Arc<Mutex<Response>>,
    metadata: Arc<Mutex<Value>>,
    fetches: Arc<AtomicUsize>,
    handle: ServerHandle,
}

impl Issuer {
    pub fn start(response: Response) -> Self {
        Self::start_at(free_listener(), response)
    }

    pub fn publishing(keys: &[&SigningKey]) -> Self {
        Self::start(document(keys))
    }

    pub fn start_at(listener: TcpListener, response: Response) -> Self {
        let address = listener.local_addr().expect("an address");
        let response = Arc::new(Mutex::new(response));
        let metadata = Arc::new(Mutex::new(metadata(address)));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (shared_response, shared_metadata, counter) =
            (response.clone(), metadata.clone(), fetches.clone());
        let server = HttpServer::new(move || {
            let (response, metadata, fetches) =
                (shared_response.clone(), shared_metadata.clone(), counter.clone());
            App::new()
                .route(
                    "/.well-known/oauth-authorization-server",
                    web::get().to(move || {
                        let metadata = metadata.lock().expect("metadata").clone();
                        async move { HttpResponse::Ok().json(metadata) }
                    }),
                )
                .route(
                    "/jwks.json",
                    web::get().to(move |_: HttpRequest| {
                        fetches.fetch_add(1, Ordering::SeqCst);
                        respond(response.lock().expect("a response").clone())
                    }),
                )
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(0)
        .listen(listener)
        .expect("a listener")
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { address, response, metadata, fetches, handle }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn jwks_url(&self) -> String {
        format!("{}/jwks.json", self.url())
    }

    pub fn respond_with(&self, response: Response) {
        *self.response.lock().expect("a response") = response;
    }

    pub fn publish(&self, keys: &[&SigningKey]) {
        self.respond_with(document(keys));
    }

    pub fn set_metadata(&self, name: &str, value: Value) {
        self.metadata.lock().expect("metadata")[name] = value;
    }

    /// How often the key set was requested.
    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

pub fn document(keys: &[&SigningKey]) -> Response {
    Response::Document(jwk_set(keys).to_string())
}

pub fn free_listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// Waits until another task makes `happened` true. Fails after ten seconds.
pub async fn eventually(what: &str, happened: impl Fn() -> bool) {
    for _ in 0..2000 {
        if happened() {
            return;
        }
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not happen");
}

fn metadata(address: SocketAddr) -> Value {
    json!({"issuer": format!("http://{address}"), "jwks_uri": format!("http://{address}/jwks.json")})
}

async fn respond(response: Response) -> HttpResponse {
    match response {
        Response::Document(text) => HttpResponse::Ok().content_type("application/json").body(text),
        Response::Status(status) => HttpResponse::build(status.try_into().expect("a status"))
            .body("<h1>Stack trace of the driver</h1>"),
        Response::RedirectTo(url) => HttpResponse::Found().insert_header(("Location", url)).finish(),
        Response::Endless(bytes) => HttpResponse::Ok().streaming(chunks(bytes)),
        Response::Stalled => {
            let start = stream::iter([Ok::<_, std::io::Error>(web::Bytes::from_static(b"{\"keys\":["))]);
            HttpResponse::Ok().streaming(start.chain(stream::pending()))
        }
        Response::Silent => std::future::pending().await,
    }
}

fn chunks(bytes: usize) -> impl futures_util::Stream<Item = Result<web::Bytes, std::io::Error>> {
    stream::iter((0..bytes / 1024).map(|_| Ok(web::Bytes::from_static(&[b' '; 1024]))))
}
