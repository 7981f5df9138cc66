//! Validates Latchkey access tokens.
//!
//! A service needs only this crate to authenticate callers. It fetches the auth server's public keys, keeps using them
//! while the auth server is unreachable, and rejects every token that breaks a rule of RFC 7515, 7519, 8725 or 9068.
//! The crate verifies tokens and cannot sign them. It reads no environment variables.
//!
//! # An API whose routes all require a token
//!
//! [`require_token`] guards a whole scope. Handlers behind it take [`Authenticated`] where they need the caller:
//!
//! ```
//! use actix_web::{App, HttpServer, get, web};
//! use shared_claims::{
//!     AccessTokenValidator, Authenticated, JwksSource, Problem, RemoteKeySet, RemoteKeySetOptions, require_token,
//! };
//!
//! #[get("/reports")]
//! async fn reports(caller: Authenticated) -> Result<String, Problem> {
//!     caller.require_role("analyst")?;
//!     Ok(format!("{} may read reports", caller.claims().name))
//! }
//!
//! #[get("/status")]
//! async fn status() -> &'static str {
//!     "for every caller with a valid token"
//! }
//!
//! fn routes(config: &mut web::ServiceConfig) {
//!     config.service(web::scope("/api").wrap(require_token()).service(reports).service(status));
//! }
//!
//! async fn serve(issuer: &str) -> std::io::Result<()> {
//!     let keys = RemoteKeySet::spawn(JwksSource::Issuer(issuer.to_owned()), RemoteKeySetOptions::default());
//!     let validator = AccessTokenValidator::new(issuer, "reports-api", keys).with_cache(16 << 20);
//!     let app = move || App::new().app_data(validator.clone()).configure(routes);
//!     HttpServer::new(app).bind("127.0.0.1:9000")?.run().await
//! }
//! # use actix_web::test::{TestRequest, call_service, init_service, read_body};
//! # use shared_claims::{Algorithm, Clock, SystemClock, testing};
//! # #[actix_web::main]
//! # async fn main() {
//! #     let key = testing::SigningKey::generate(Algorithm::Es256);
//! #     let validator = AccessTokenValidator::new("https://auth.example", "reports-api", key.key_set());
//! #     let app = init_service(App::new().app_data(validator).configure(routes)).await;
//! #     let mut claims = testing::access_claims("https://auth.example", "reports-api", SystemClock.now());
//! #     let bearer = |claims: &_| ("Authorization", format!("Bearer {}", key.access_token(claims)));
//! #     let get = |path| TestRequest::get().uri(path);
//! #     assert_eq!(call_service(&app, get("/api/status").to_request()).await.status(), 401);
//! #     let known = get("/api/status").insert_header(bearer(&claims)).to_request();
//! #     assert_eq!(call_service(&app, known).await.status(), 200);
//! #     let without_role = get("/api/reports").insert_header(bearer(&claims)).to_request();
//! #     assert_eq!(call_service(&app, without_role).await.status(), 403);
//! #     claims.roles.push("analyst".to_owned());
//! #     let with_role = get("/api/reports").insert_header(bearer(&claims)).to_request();
//! #     assert_eq!(read_body(call_service(&app, with_role).await).await, "Ada may read reports");
//! #     let _ = serve;
//! # }
//! ```
//!
//! A handler that takes [`Authenticated`] requires a token without the guard, too. Behind the guard the token is not
//! validated a second time. [`MaybeAuthenticated`] is for routes where the token is optional.
//!
//! # Typed custom claims
//!
//! Administrators can attach custom claims to a user. Give them a type, and a token that does not fit it is rejected
//! before the handler runs:
//!
//! ```
//! use serde::Deserialize;
//! use shared_claims::{Authenticated, Problem};
//!
//! #[derive(Deserialize)]
//! struct Plan {
//!     plan: String,
//!     #[serde(default)]
//!     seats: u32,
//! }
//!
//! async fn invite(caller: Authenticated<Plan>) -> Result<String, Problem> {
//!     caller.require_fresh(std::time::Duration::from_secs(300))?;
//!     let custom = &caller.claims().custom;
//!     Ok(format!("{} has {} seats on plan {}", caller.user_id(), custom.seats, custom.plan))
//! }
//! # use actix_web::{App, test, web};
//! # use serde_json::json;
//! # use shared_claims::{AccessTokenValidator, Algorithm, Clock, SystemClock, testing};
//! # #[actix_web::main]
//! # async fn main() {
//! #     let key = testing::SigningKey::generate(Algorithm::EdDsa);
//! #     let validator = AccessTokenValidator::new("https://auth.example", "api", key.key_set());
//! #     let app = App::new().app_data(validator).route("/", web::get().to(invite));
//! #     let app = test::init_service(app).await;
//! #     let mut claims = testing::access_claims("https://auth.example", "api", SystemClock.now());
//! #     let mut status = async |claims: &_| {
//! #         let bearer = ("Authorization", format!("Bearer {}", key.access_token(claims)));
//! #         test::call_service(&app, test::TestRequest::get().insert_header(bearer).to_request()).await.status()
//! #     };
//! #     assert_eq!(status(&claims).await, 401);
//! #     claims.custom.insert("plan".to_owned(), json!("team"));
//! #     assert_eq!(status(&claims).await, 200);
//! # }
//! ```
//!
//! # Features
//!
//! - `actix` (default): the extractors, [`require_token`] and [`Problem`] for actix-web, as above.
//! - `axum`: the same for axum, with the same rules and responses, in the module `axum`.
//! - Without either (`default-features = false`), [`AccessTokenValidator`], [`KeySet`] and [`verify_signature`] remain.

mod acr;
pub mod algorithm;
#[cfg(feature = "http")]
mod background;
pub mod claims;
pub mod clock;
pub mod compact;
pub mod error;
#[cfg(feature = "http")]
mod fetch;
#[cfg(feature = "http")]
pub mod http;
mod jwk;
pub mod key_set;
mod keys;
mod payload;
mod refresh_validator;
#[cfg(feature = "http")]
pub mod remote_key_set;
#[cfg(feature = "http")]
pub mod revocation_feed;
pub mod revocations;
pub mod signature;
pub mod strict_json;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time_checks;
#[cfg(feature = "http")]
pub mod tls;
pub mod token_cache;
pub mod validator;
mod weak_modulus;

pub use acr::{Acr, UnknownAcr};
pub use algorithm::Algorithm;
pub use claims::{AccessClaims, Audience, RefreshClaims};
pub use clock::{Clock, SystemClock};
pub use error::TokenError;
#[cfg(feature = "axum")]
pub use http::axum;
#[cfg(feature = "actix")]
pub use http::require_token::{require, require_token};
pub use key_set::{KeySet, KeySetError, secret_key_id, thumbprint};
pub use keys::{Keys, SharedKeys};
pub use refresh_validator::RefreshTokenValidator;
pub use revocations::Revocations;
pub use signature::verify_signature;
pub use token_cache::TokenCacheStatus;
pub use validator::AccessTokenValidator;
#[cfg(feature = "http")]
pub use {
    http::access_cookie::AcceptCookie,
    http::authenticated::{Authenticated, MaybeAuthenticated},
    http::challenge::Challenge,
    http::problem::{Code, Problem},
    remote_key_set::{JwksSource, KeySetStatus, RemoteKeySet, RemoteKeySetOptions},
    revocation_feed::{FeedOptions, RevocationFeed},
};
