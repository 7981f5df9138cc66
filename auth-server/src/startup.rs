use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpServer, cookie, rt, web};
use secrecy::SecretString;
use server_kit::cors::cors;
use server_kit::metrics::{HttpMetrics, MetricsServer, measure};
use server_kit::real_ip::TrustedProxies;
use server_kit::{framework_errors, idle_connections, request_log};
use shared_claims::{AccessTokenValidator, Algorithm, Clock};

use crate::domain::context::{Context, Lifetimes, Policy};
use crate::domain::keys::{KeyEncryption, KeyPairs, KeyRing, KeySource};
use crate::domain::maintenance;
use crate::domain::operation::Operation;
use crate::domain::passwords::{PasswordHasher, Throttle};
use crate::domain::revocation_feed::RevocationFeed;
use crate::domain::tokens::{AccessTokens, RefreshTokens};
use crate::domain::users::admin::{self, Change};
use crate::domain::users::{NewUser, RegistrationError};
use crate::http::cookies::Cookies;
use crate::http::csrf::{TrustedOrigins, check_origin};
use crate::http::rate_limit::LoginRateLimit;
use crate::http::routes;
use crate::http::system::revocations::FeedTokens;
use crate::metrics::{Metrics, registry};
use crate::model::{ClientInfo, Email, Role};
use crate::settings::{Registration, SameSite, Secrets, Settings, span};
use crate::store::Database;

/// Time that requests under way get when the server is told to stop, in seconds.
const SHUTDOWN_TIMEOUT: u64 = 10;
/// How many connections may wait to be accepted, where the system allows as many.
const BACKLOG: i32 = 1024;
/// What the pages of other origins may call.
const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE];
/// Time that a client gets to send its headers.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that has bound its address and not yet begun to serve.
pub struct AuthServer {
    address: SocketAddr,
    server: Server,
    metrics: Option<MetricsServer>,
    context: Arc<Context>,
}

/// Why [`AuthServer::create_user`] made nobody.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// Somebody has that address already.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// One line that says what is wrong.
    #[error("{0}")]
    Impossible(String),
}

impl AuthServer {
    /// Opens the database, brings it up to date, finds or makes the signing key, binds the address.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub async fn build(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let secrets = settings.secrets()?;
        let listener = bind("BIND_ADDR", settings.bind_addr)?;
        let metrics = settings.metrics_addr.map(|address| bind("METRICS_ADDR", address)).transpose()?;
        let context = Arc::new(context(&settings, &secrets, clock).await?);
        warn(&settings);
        let address = listener.local_addr().map_err(|error| format!("BIND_ADDR: {error}"))?;
        let http_metrics = metrics.as_ref().map(|_| HttpMetrics::default());
        let server =
            serve(&settings, secrets.feed_tokens, Arc::clone(&context), http_metrics.clone(), listener)?;
        let metrics = metrics.zip(http_metrics).map(|(listener, http)| {
            MetricsServer::on(listener, registry(Arc::clone(&context), &http))
                .map_err(|error| format!("METRICS_ADDR: {error}"))
        });
        Ok(Self { address, server, metrics: metrics.transpose()?, context })
    }

    /// Where it listens: tells the port where port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it tells metrics, if it does.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsServer::address)
    }

    /// Stops it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Makes a person with a role, without a session.
    ///
    /// # Errors
    /// The address is none, or taken; the password is weak; the database fails.
    pub async fn create_user(
        &self,
        email: &str,
        password: SecretString,
        role: Role,
    ) -> Result<(), CreateUserError> {
        let email = Email::parse(email)
            .map_err(|error| CreateUserError::Impossible(format!("the address {error}")))?;
        let new_user = NewUser { email, username: None, name: None, password };
        let change = Change { roles: Some(role.into()), ..Change::default() };
        let operation = self.context.operation(&ClientInfo::operator());
        let created = admin::create(&operation, &self.context.hasher, new_user, change).await;
        created.map(drop).map_err(|error| match error {
            RegistrationError::EmailTaken => CreateUserError::EmailTaken,
            other => CreateUserError::Impossible(other.to_string()),
        })
    }

    /// Serves until it is told to stop: SIGTERM lets requests under way finish.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self) -> std::io::Result<()> {
        let housekeeping = rt::spawn(maintenance::run(self.context));
        let metrics = self.metrics.map(MetricsServer::run);
        let outcome = self.server.await;
        housekeeping.abort();
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        outcome
    }
}

fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        // The standard library lets 128 wait, and the system drops whoever comes then: they knock again a second later.
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(listener)
    });
    listener.map_err(|error| format!("{setting}: cannot listen on {address}: {error}"))
}

async fn context(settings: &Settings, secrets: &Secrets, clock: Arc<dyn Clock>) -> Result<Context, String> {
    let url = settings.database_url()?;
    let database = Database::open(&url)?;
    let threads = available_parallelism().map_or(1, usize::from);
    let hasher =
        PasswordHasher::new(settings.argon2(), secrets.flask_security_password_salt.clone(), threads)?;
    let operation = Operation::new(&database, ClientInfo::none(), clock.now());
    let keys = KeyRing::open(&operation, key_source(settings, secrets)?).await;
    let keys = Arc::new(keys.map_err(|error| error.to_string())?);
    let feed = RevocationFeed::new(span(settings.access_token_ttl));
    let issuer = settings.issuer();
    let refresh_tokens =
        RefreshTokens::new(&issuer, &secrets.refresh, &secrets.refresh_accepted, Arc::clone(&clock));
    Ok(Context {
        clock,
        database,
        hasher,
        throttle: Throttle::new(&secrets.refresh),
        feed,
        access_tokens: AccessTokens::new(&issuer, span(settings.access_token_ttl), Arc::clone(&keys)),
        keys,
        refresh_tokens,
        metrics: Metrics::default(),
        lifetimes: Lifetimes {
            idle: span(settings.refresh_idle_ttl),
            session: span(settings.session_max_ttl),
            reuse_grace: span(settings.refresh_reuse_grace),
            event: span(settings.event_retention),
        },
        policy: Policy {
            issuer,
            audiences: settings.audiences.clone(),
            client_id: settings.client_id.clone(),
            registration_open: settings.registration == Registration::Open,
        },
    })
}

fn key_source(settings: &Settings, secrets: &Secrets) -> Result<KeySource, String> {
    match (settings.jwt_access_algorithm, &secrets.access, &secrets.key_encryption) {
        (Algorithm::Hs256, Some(secret), _) => {
            Ok(KeySource::SharedSecret { secret: secret.clone(), accepted: secrets.access_accepted.clone() })
        }
        (_, None, Some(secret)) => {
            let encryption = KeyEncryption::new(secret, secrets.key_encryption_previous.as_ref());
            Ok(KeySource::KeyPairs(KeyPairs::new(encryption, settings.key_schedule())))
        }
        (algorithm, _, _) => Err(format!("JWT_ACCESS_ALGORITHM is {algorithm}, and its secret is not set")),
    }
}

fn warn(settings: &Settings) {
    if settings.jwt_access_algorithm == Algorithm::Hs256 {
        log::warn!("JWT_ACCESS_ALGORITHM=HS256: every resource server could sign tokens too; ES256 is safer");
    }
    if !settings.cookie_secure {
        log::warn!("COOKIE_SECURE=false: the refresh cookie travels in clear; for development only");
    }
    if settings.cookie_samesite == SameSite::Strict {
        for origin in settings.cross_site_origins() {
            log::warn!(
                "ALLOWED_ORIGINS: {origin} is another site: with COOKIE_SAMESITE=strict its pages get no cookie"
            );
        }
    }
}

fn serve(
    settings: &Settings,
    feed_tokens: Vec<SecretString>,
    context: Arc<Context>,
    metrics: Option<HttpMetrics>,
    listener: TcpListener,
) -> Result<Server, String> {
    let feed_tokens = web::Data::new(FeedTokens(feed_tokens));
    let cookies = Cookies::new(settings.cookie_secure, same_site(settings.cookie_samesite));
    let rate_limit = web::Data::new(LoginRateLimit::new(settings.login_rate_per_ip));
    let proxies = web::Data::new(TrustedProxies::new(settings.trusted_proxies.clone()));
    let origins = web::Data::new(TrustedOrigins::new(&settings.issuer, &settings.allowed_origins));
    let access_tokens = web::Data::new(access_token_validator(&context));
    let context = web::Data::from(context);
    let metrics = metrics.map(web::Data::new);
    let allowed_origins = settings.allowed_origins.clone();
    let demo_api_url = settings.demo_api_url.clone();
    let workers = settings.workers.or_else(|| available_parallelism().ok()).map_or(1, usize::from);
    // The last `wrap` sees a request first.
    let app = move || {
        App::new()
            .app_data(context.clone())
            .app_data(feed_tokens.clone())
            .app_data(cookies)
            .app_data(rate_limit.clone())
            .app_data(proxies.clone())
            .app_data(origins.clone())
            .app_data(access_tokens.clone())
            .configure(|config| {
                if let Some(metrics) = &metrics {
                    config.app_data(metrics.clone());
                }
                routes(config, demo_api_url.as_deref());
            })
            .wrap(cors(&allowed_origins, &METHODS))
            .wrap(from_fn(check_origin))
            .wrap(from_fn(framework_errors::to_problems))
            .wrap(
                DefaultHeaders::new()
                    .add((CACHE_CONTROL, "no-store"))
                    .add((X_CONTENT_TYPE_OPTIONS, "nosniff")),
            )
            .wrap(from_fn(measure))
            .wrap(from_fn(request_log::identify))
            .wrap(from_fn(idle_connections::mark_busy))
    };
    let server = HttpServer::new(app)
        .workers(workers)
        .shutdown_timeout(SHUTDOWN_TIMEOUT)
        .client_request_timeout(CLIENT_TIMEOUT)
        .on_connect(idle_connections::watch)
        .listen(listener)
        .map_err(|error| format!("BIND_ADDR: {error}"))?;
    Ok(server.run())
}

/// The server's own access tokens, for whichever audience, as `GET /auth/me` takes them.
fn access_token_validator(context: &Context) -> AccessTokenValidator {
    let first = context.policy.audiences.first().cloned().unwrap_or_default();
    AccessTokenValidator::new(&context.policy.issuer, first, context.keys.verifying())
        .with_any_audience(context.policy.audiences.clone())
        .with_algorithms(context.keys.algorithms())
        .with_clock(Arc::clone(&context.clock))
}

fn same_site(setting: SameSite) -> cookie::SameSite {
    match setting {
        SameSite::Strict => cookie::SameSite::Strict,
        SameSite::Lax => cookie::SameSite::Lax,
        SameSite::None => cookie::SameSite::None,
    }
}
