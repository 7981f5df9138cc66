//! The rules: who can log in, what a refresh token is worth, when a session ends. Independent of HTTP and SQL.
//!
//! Each module may use only those below it:
//!
//! ```text
//! maintenance, mail_delivery                               background work
//! statistics                                               numbers for administrators
//! users                                                    registration, profile, search, administration, import
//! sessions                                                 login, refresh, logout, authentication
//! factors                                                  second factors: challenges and answers
//! events                                                   the audit log: pages, and new events
//! proofs                                                   links and codes in mails
//! context                                                  the parts of a running server
//! passkeys                                                 options, and what browsers return (WebAuthn)
//! servers                                                  heartbeats of the auth servers
//! tokens                                                   access and refresh tokens, links and codes
//! user_limits                                              logins and changes of each user
//! keys                                                     signing keys
//! operation                                                a change: database, client, time, transaction
//! audit                                                    events, revocations and notices of a transaction
//! notices                                                  mails about security events
//! event_listeners, mail, passwords, rate_limiter,          use no other module
//! revocation_feed
//! ```

pub mod audit;
pub mod context;
pub mod event_listeners;
pub mod events;
pub mod factors;
pub mod keys;
pub mod mail;
pub mod mail_delivery;
pub mod maintenance;
pub mod notices;
pub mod operation;
pub mod passkeys;
pub mod passwords;
pub mod proofs;
pub mod rate_limiter;
pub mod revocation_feed;
pub mod servers;
pub mod sessions;
pub mod statistics;
pub mod tokens;
pub mod user_limits;
pub mod users;
