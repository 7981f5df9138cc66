//! The HTTP API: reads requests, calls the domain, words the answers.

mod admin;
mod answers;
mod attempts;
mod cookies;
mod demo;
mod errors;
mod events;
mod fields;
mod health;
mod json;
mod login;
mod logout;
mod me;
mod metadata;
mod openapi;
mod origin;
mod password;
mod presented;
mod query;
mod reauthenticate;
mod refresh;
mod register;
mod request_schemas;
mod requester;
mod revocations;
mod routes;
mod sessions;

pub use admin::users::PersonBody;
pub use attempts::Attempts;
pub use cookies::Cookies;
pub use origin::{TrustedOrigins, check_origin};
#[cfg(feature = "testing")]
pub use refresh::idempotency_key;
pub use revocations::FeedTokens;
pub use routes::routes;
