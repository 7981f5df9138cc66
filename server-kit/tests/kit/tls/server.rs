use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HOST};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, rt, web};
use clap::Parser;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use server_kit::connections::has_hung_up;
use server_kit::http_server::{self, Options, Shutdown};
use server_kit::middleware::handle_request;
use server_kit::real_ip::TrustedProxies;
use server_kit::tls::TlsSettings;
use shared_claims::Clock;
use shared_claims::testing::ManualClock;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const PUBLIC: &str = "https://auth.example.org";

/// A certificate for `localhost` and its key, in PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    tls: TlsSettings,
}

/// A server with TLS, whose files are in the folder.
pub struct TlsServer {
    pub address: SocketAddr,
    pub folder: TempDir,
    pub handle: ServerHandle,
    /// How many requests of clients that had hung up arrived.
    pub hung_up: Arc<AtomicUsize>,
    slow: Arc<SlowRequests>,
}

/// How many requests of `/slow` are in progress.
#[derive(Default)]
struct SlowRequests(AtomicUsize);

/// One of them, until it is dropped.
struct SlowRequest(Arc<SlowRequests>);

impl Pair {
    pub fn new() -> Self {
        Self::expiring_in(4096)
    }

    /// At the beginning of a year.
    pub fn expiring_in(year: i32) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// As `cert.pem` and `key.pem`.
    pub fn write(&self, folder: &Path) {
        write(&folder.join("cert.pem"), &self.certificate);
        write(&folder.join("key.pem"), &self.key);
    }
}

/// Writes a draft that only the owner can read, and renames it.
pub fn write(path: &Path, content: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, content).expect("written");
    fs::set_permissions(&draft, Permissions::from_mode(0o600)).expect("a mode");
    fs::rename(&draft, path).expect("renamed");
}

pub fn settings(flags: &[(&str, &Path)]) -> TlsSettings {
    let flags = flags.iter().map(|(name, path)| format!("--{name}={}", path.display()));
    Flags::try_parse_from(std::iter::once("test".to_owned()).chain(flags)).expect("settings").tls
}

pub fn settings_of(folder: &Path) -> TlsSettings {
    settings(&[("tls-cert-file", &folder.join("cert.pem")), ("tls-key-file", &folder.join("key.pem"))])
}

pub fn load(settings: &TlsSettings) -> Result<server_kit::tls::Tls, String> {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    settings.load(&PUBLIC.parse().expect("a URL"), &clock).map(|tls| tls.expect("both settings"))
}

impl TlsServer {
    pub fn start(pair: &Pair) -> Self {
        Self::with_keep_alive(pair, KEEP_ALIVE)
    }

    pub fn with_keep_alive(pair: &Pair, keep_alive: Duration) -> Self {
        let folder = TempDir::new().expect("a folder");
        pair.write(folder.path());
        Self::launch(folder, PUBLIC, keep_alive)
    }

    /// With the files in this folder.
    pub fn start_in(folder: TempDir, issuer: &str) -> Self {
        Self::launch(folder, issuer, KEEP_ALIVE)
    }

    fn launch(folder: TempDir, issuer: &str, keep_alive: Duration) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let tls = settings_of(folder.path()).load(&issuer.parse().expect("a URL"), &clock).expect("TLS");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let options = Options {
            workers: None,
            keep_alive,
            trusted_proxies: web::Data::new(TrustedProxies::default()),
            tls,
            shutdown: Shutdown::default(),
        };
        let hung_up = Arc::<AtomicUsize>::default();
        let slow_requests = Arc::<SlowRequests>::default();
        let counter = web::Data::from(Arc::clone(&hung_up));
        let slow_counter = web::Data::from(Arc::clone(&slow_requests));
        let app = move || {
            App::new()
                .app_data(counter.clone())
                .app_data(slow_counter.clone())
                .route("/", web::get().to(async || "Hello"))
                .route("/echo", web::route().to(echo))
                .route("/slow", web::get().to(slow))
                .route("/large", web::get().to(async || HttpResponse::Ok().body("x".repeat(5_000_000))))
                .wrap(from_fn(count_hung_up))
                .wrap(from_fn(handle_request))
        };
        let server = http_server::serve(listener, options, app).expect("a server");
        let handle = server.handle();
        rt::spawn(server);
        Self { address, folder, handle, hung_up, slow: slow_requests }
    }

    /// How many requests of `/slow` are in progress.
    pub fn in_progress(&self) -> usize {
        self.slow.0.load(Ordering::Relaxed)
    }

    /// The response to this request, from a client that trusts this certificate only.
    pub async fn send(&self, pair: &Pair, request: &str) -> io::Result<String> {
        let mut stream = self.connect(&client(pair, rustls::DEFAULT_VERSIONS)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        Ok(String::from_utf8_lossy(&response).into_owned())
    }

    pub async fn connect(&self, client: &ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(client.clone())).connect(name, stream).await
    }

    pub async fn serves(&self, pair: &Pair) -> bool {
        self.send(pair, GET).await.is_ok_and(|response| response.starts_with("HTTP/1.1 200"))
    }
}

pub fn client(pair: &Pair, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("a certificate");
    roots.add(certificate).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    config.expect("versions").with_root_certificates(roots).with_no_client_auth()
}

/// What a handler sees of a request.
async fn echo(request: HttpRequest, body: web::Bytes) -> String {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (host, cookies) = (header(HOST), header(COOKIE));
    let peer = request.peer_addr().expect("an address").ip();
    format!("{} {host} {cookies} {peer} {}", request.uri(), body.len())
}

async fn slow(counter: web::Data<SlowRequests>) -> &'static str {
    counter.0.fetch_add(1, Ordering::Relaxed);
    let _request = SlowRequest(counter.into_inner());
    rt::time::sleep(Duration::from_secs(1)).await;
    "late"
}

impl Drop for SlowRequest {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Blocks the thread of `/hung-up`, so that actix cannot notice that the client hangs up meanwhile.
async fn count_hung_up(
    counter: web::Data<AtomicUsize>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if request.path() == "/hung-up" {
        std::thread::sleep(Duration::from_millis(300));
        if has_hung_up(&request) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
    next.call(request).await
}
