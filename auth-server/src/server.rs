//! From settings to a running server: database, keys, listeners.

mod hosting;
mod registry;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::available_parallelism;

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt;
use server_kit::listener::bind;
use server_kit::metrics::{HttpMetrics, MetricsServer};
use shared_claims::{Algorithm, Clock};
use tokio::sync::watch;

use crate::app;
use crate::domain::context::{Context, Lifetimes, Policy};
use crate::domain::event_listeners::EventListeners;
use crate::domain::keys::{KeyEncryption, KeyPairs, KeyRing, KeySource};
use crate::domain::mail_delivery;
use crate::domain::maintenance;
use crate::domain::operation::Operation;
use crate::domain::passwords::{KeyedSemaphore, PasswordHasher, Throttle};
use crate::domain::revocation_feed::RevocationFeed;
use crate::domain::servers::{self, ThisServer};
use crate::domain::sessions::sign_in_link::SignInLink;
use crate::domain::tokens::{AccessTokens, ProofTokens, RefreshTokens, SetupTokens};
use crate::domain::user_limits::UserLimits;
use crate::domain::users::stored_emails;
use crate::metrics::Metrics;
use crate::model::ClientInfo;
use crate::settings::{Registration, Secrets, Settings, span};
use crate::store::Database;

pub use hosting::CreateUserError;

/// A server that listens and does not respond yet.
pub struct AuthServer {
    address: SocketAddr,
    server: Server,
    metrics: Option<MetricsServer>,
    context: Arc<Context>,
    /// Only if the program that hosts the server requested it.
    sign_in_link: Option<Arc<SignInLink>>,
    /// `PAGES`
    has_pages: bool,
}

impl AuthServer {
    /// Opens and migrates the database, loads or creates the signing key, and listens on `BIND_ADDR`.
    ///
    /// # Errors
    /// One line that names the setting or the cause.
    pub async fn build(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let secrets = settings.secrets()?;
        let tls = settings.tls.load(&settings.issuer, &clock)?;
        let listener = bind("BIND_ADDR", settings.bind_addr)?;
        let address = listener.local_addr().map_err(|error| format!("BIND_ADDR: {error}"))?;
        let metrics_listener =
            settings.metrics_addr.map(|address| bind("METRICS_ADDR", address)).transpose()?;
        let context = Arc::new(context(settings, &secrets, clock).await?);
        let renderer = app::renderer(settings, &secrets, &context)?;
        let has_pages = renderer.options.enabled;
        settings.risks().iter().for_each(|risk| log::warn!("{risk}"));
        let http_metrics = metrics_listener.is_some().then(HttpMetrics::default);
        let metrics = metrics_listener.zip(http_metrics.as_ref()).map(|(listener, http)| {
            MetricsServer::new(listener, registry::registry(Arc::clone(&context), http, tls.as_ref()))
                .map_err(|error| format!("METRICS_ADDR: {error}"))
        });
        let metrics = metrics.transpose()?;
        let sign_in_link = settings.sign_in_link.then(Arc::<SignInLink>::default);
        let parts = app::Parts {
            feed_tokens: secrets.feed_tokens,
            context: Arc::clone(&context),
            metrics: http_metrics,
            sign_in_link: sign_in_link.clone(),
            renderer,
            tls,
        };
        let server = app::serve(settings, parts, listener).map_err(|error| format!("BIND_ADDR: {error}"))?;
        Ok(Self { address, server, metrics, context, sign_in_link, has_pages })
    }

    /// The address that it listens on, with the port that the system chose for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of `GET /metrics`, if `METRICS_ADDR` is set.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsServer::address)
    }

    /// Stops the server from another task.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until the handle or a signal stops it. After SIGTERM, requests in progress can finish.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self) -> io::Result<()> {
        let maintenance = rt::spawn(maintenance::run(Arc::clone(&self.context)));
        let (stop_mails, stopped) = watch::channel(false);
        let mails = rt::spawn(mail_delivery::run(Arc::clone(&self.context), stopped));
        let metrics = self.metrics.map(MetricsServer::run);
        let result = self.server.await;
        maintenance.abort();
        drop(stop_mails);
        let _ = mails.await;
        servers::leave(&self.context.database, &self.context.this_server).await;
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        result
    }
}

async fn context(settings: &Settings, secrets: &Secrets, clock: Arc<dyn Clock>) -> Result<Context, String> {
    let url = settings.database_url()?;
    let database = Database::open(&url, settings.database_pool_size)?;
    stored_emails::normalize(&database).await.map_err(|error| error.to_string())?;
    let threads = available_parallelism().map_or(1, usize::from);
    let hasher =
        PasswordHasher::new(settings.argon2()?, secrets.flask_security_password_salt.clone(), threads)?;
    let operation = Operation::new(&database, ClientInfo::none(), clock.now());
    let keys = KeyRing::open(&operation, key_source(settings, secrets)?).await;
    let keys = Arc::new(keys.map_err(|error| error.to_string())?);
    let feed = RevocationFeed::new(span(settings.access_token_ttl));
    let issuer = settings.issuer();
    let refresh_tokens =
        RefreshTokens::new(&issuer, &secrets.refresh, &secrets.refresh_accepted, Arc::clone(&clock));
    let mailer = settings.mailer()?;
    if mailer.is_some() && secrets.key_encryption.is_none() {
        return Err("KEY_ENCRYPTION_SECRET is not set: with mail, links are derived from it".to_owned());
    }
    let (secret, previous) = (secrets.key_encryption.as_ref(), secrets.key_encryption_previous.as_ref());
    let proof_tokens = Arc::new(ProofTokens::new(secret, previous));
    let languages = settings.languages(mailer.as_ref());
    Ok(Context {
        this_server: ThisServer::new(&settings.listed(), clock.now()),
        clock,
        database,
        hasher,
        throttle: Throttle::new(&secrets.refresh),
        user_limits: Arc::new(UserLimits::new(settings.account_rate_per_user)),
        feed,
        access_tokens: AccessTokens::new(&issuer, span(settings.access_token_ttl), Arc::clone(&keys)),
        keys,
        refresh_tokens,
        proof_tokens,
        totp_encryption: secret.map(|secret| KeyEncryption::of_totp_secrets(secret, previous)),
        passkeys: settings.passkeys(secrets)?.map(Arc::new),
        setup_tokens: SetupTokens::new(secret),
        mail_requests: KeyedSemaphore::new(1),
        event_listeners: EventListeners::default(),
        notices: settings.notices(languages.clone()),
        languages,
        mailer,
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
            email_verification: settings.email_verification()?,
            mfa: settings.second_factors.mfa(secrets)?,
            mfa_required_roles: settings.second_factors.required_roles()?,
            mfa_issuer: settings.mfa_issuer(),
            max_sessions: settings.max_sessions_per_user,
        },
    })
}

fn key_source(settings: &Settings, secrets: &Secrets) -> Result<KeySource, String> {
    match (settings.jwt_access_algorithm, &secrets.access, &secrets.key_encryption) {
        (Algorithm::Hs256, Some(secret), _) => {
            Ok(KeySource::SharedSecret { secret: secret.clone(), accepted: secrets.access_accepted.clone() })
        }
        (_, None, Some(secret)) => {
            let encryption = KeyEncryption::of_private_keys(secret, secrets.key_encryption_previous.as_ref());
            Ok(KeySource::KeyPairs(KeyPairs::new(encryption, settings.key_schedule())))
        }
        (algorithm, _, _) => Err(format!("JWT_ACCESS_ALGORITHM is {algorithm}, and its secret is not set")),
    }
}
