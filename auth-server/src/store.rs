//! All SQL of the server, in Diesel: one file per table. PostgreSQL and SQLite run the same statements.
//!
//! Functions take a [`AnyConnection`] and run inside [`Database::run`] or [`Database::transaction`].
//!
//! A transaction that locks several rows does so in this order, so that no two wait for each other: `guards`, the
//! user's row, `password_failures`, the user's sessions, and `revocation_counter` last.

pub mod advisory_locks;
mod connection;
mod database;
mod database_metrics;
mod error;
pub mod events;
#[cfg(test)]
mod explain;
mod health;
mod job;
pub mod known_origins;
pub mod login_challenges;
pub mod mails;
pub mod migrations;
pub mod passkeys;
pub mod password_failures;
#[cfg(feature = "postgres")]
mod postgres;
pub mod proofs;
pub mod recovery_codes;
pub mod revocations;
#[cfg(all(test, feature = "postgres"))]
mod rotation_tests;
#[cfg(feature = "postgres")]
mod rotations;
mod schema;
pub mod servers;
pub mod sessions;
pub mod signing_keys;
pub mod spent_challenges;
mod sql;
mod sqlite;
pub mod statistics;
mod submission;
pub mod totp_factors;
mod transaction;
pub mod transfer;
pub mod users;
mod writer;

pub use connection::{AnyConnection, DatabaseUrl};
pub use database::{Database, POOL_SIZE};
pub use error::{StoreError, Taken};
