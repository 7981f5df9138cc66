//! Every SQL statement of the server, in Diesel, one file a table.
//!
//! Functions take a [`AnyConnection`] and run inside one of [`Database`]'s blocking hops; SQLite and PostgreSQL
//! execute the same statements.

pub mod advisory_locks;
mod connection;
mod database;
mod database_metrics;
mod error;
pub mod events;
pub mod known_origins;
mod migrations;
pub mod password_failures;
pub mod revocations;
mod schema;
pub mod sessions;
pub mod signing_keys;
pub mod users;
mod writer;

pub use connection::{AnyConnection, DatabaseUrl};
pub use database::Database;
pub use error::{StoreError, Taken};
