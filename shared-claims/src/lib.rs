//! What a Latchkey token is, and when it is valid.
//!
//! This is all that a service needs in order to know who is calling. It fetches public keys from the auth server, goes
//! on with what it has while that is down, and refuses every token that breaks a rule (RFC 7515, 7519, 8725, 9068). It
//! can verify and never sign, and it reads no environment.
//!
//! A service of your own:
//!
//! ```
//! use actix_web::{App, HttpServer, get};
//! use shared_claims::{AccessTokenValidator, Authenticated, JwksSource, Problem, RemoteKeySet, RemoteKeySetOptions};
//!
//! #[get("/reports")]
//! async fn reports(caller: Authenticated) -> Result<String, Problem> {
//!     caller.require_role("analyst")?;
//!     Ok(format!("{} may read reports", caller.claims().name))
//! }
//!
//! async fn serve(issuer: &str) -> std::io::Result<()> {
//!     let keys = RemoteKeySet::spawn(JwksSource::Issuer(issuer.to_owned()), RemoteKeySetOptions::default());
//!     let validator = AccessTokenValidator::new(issuer, "reports-api", keys);
//!     let app = move || App::new().app_data(validator.clone()).service(reports);
//!     HttpServer::new(app).bind("127.0.0.1:9000")?.run().await
//! }
//! # use actix_web::test::{TestRequest, call_service, init_service, read_body};
//! # use shared_claims::{Algorithm, Clock, SystemClock, testing};
//! # #[actix_web::main]
//! # async fn main() {
//! #     let key = testing::SigningKey::generate(Algorithm::Es256);
//! #     let validator = AccessTokenValidator::new("https://auth.example", "reports-api", key.key_set());
//! #     let app = init_service(App::new().app_data(validator).service(reports)).await;
//! #     let mut claims = testing::access_claims("https://auth.example", "reports-api", SystemClock.now());
//! #     let bearer = |claims: &_| ("Authorization", format!("Bearer {}", key.access_token(claims)));
//! #     let get = || TestRequest::get().uri("/reports");
//! #     assert_eq!(call_service(&app, get().to_request()).await.status(), 401);
//! #     assert_eq!(call_service(&app, get().insert_header(bearer(&claims)).to_request()).await.status(), 403);
//! #     claims.roles.push("analyst".to_owned());
//! #     let answer = call_service(&app, get().insert_header(bearer(&claims)).to_request()).await;
//! #     assert_eq!(read_body(answer).await, "Ada may read reports");
//! #     let _ = serve;
//! # }
//! ```
//!
//! Custom claims, which an administrator attaches to a person, can have a type. A token that does not fit it is refused
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
//! [`MaybeAuthenticated`] is for routes where a token may be absent. Without actix (`default-features = false`) there
//! remain [`AccessTokenValidator`], [`KeySet`] and [`verify_signature`].

pub mod algorithm;
mod claim_shape;
pub mod claims;
pub mod clock;
pub mod compact;
pub mod error;
#[cfg(feature = "actix")]
mod fetch;
#[cfg(feature = "actix")]
pub mod http;
mod jwk;
pub mod key_set;
mod keys;
mod refresh_validator;
#[cfg(feature = "actix")]
pub mod remote_key_set;
#[cfg(feature = "actix")]
pub mod revocation_feed;
pub mod revocations;
pub mod signature;
pub mod strict_json;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time_checks;
pub mod validator;

pub use algorithm::Algorithm;
pub use claims::{AccessClaims, Audience, RefreshClaims};
pub use clock::{Clock, SystemClock};
pub use error::TokenError;
#[cfg(feature = "actix")]
pub use http::access_cookie::AcceptCookie;
#[cfg(feature = "actix")]
pub use http::authenticated::{Authenticated, MaybeAuthenticated};
#[cfg(feature = "actix")]
pub use http::challenge::Challenge;
#[cfg(feature = "actix")]
pub use http::problem::{Code, Problem};
pub use key_set::{KeySet, KeySetError, secret_key_id, thumbprint};
#[cfg(feature = "actix")]
pub use remote_key_set::{JwksSource, KeySetStatus, RemoteKeySet, RemoteKeySetOptions};
#[cfg(feature = "actix")]
pub use revocation_feed::{FeedOptions, RevocationFeed};
pub use revocations::Revocations;
pub use signature::verify_signature;
pub use validator::{AccessTokenValidator, Keys, RefreshTokenValidator, SharedKeys};
