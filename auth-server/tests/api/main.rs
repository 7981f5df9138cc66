//! Tests of the auth server over HTTP, on SQLite or on the PostgreSQL server in `LATCHKEY_TEST_DATABASE_URL`.
//!
//! The folders follow `src/http` and `src/cli`; `storage` has the tests of the database as a whole.
//! `app` runs a server in this process, `program` runs it as a separate process, and `command` runs a command.

mod app;
mod authenticator;
mod command;
mod mailbox;
mod passkey;
mod program;
mod statements;

mod admin {
    mod events;
    mod export;
    mod fresh_login;
    mod keys;
    mod last_administrator;
    mod mails;
    mod new_events;
    mod overview;
    mod search;
    mod servers;
    mod sessions;
    mod user_creation;
    pub mod users;
}

mod auth {
    mod amr;
    mod attempt_limits;
    mod both_cookies;
    mod confirmation;
    mod csrf;
    mod delete_me;
    mod email_change;
    mod email_verification;
    mod events;
    mod forgotten_password;
    mod invitations;
    mod links;
    mod login;
    mod logout;
    mod me;
    mod password;
    mod password_checks;
    mod password_forms;
    mod password_strength;
    mod reauthenticate;
    mod refresh {
        mod concurrency;
        mod delayed;
        mod lost_responses;
        mod other_programs;
        mod restored_database;
        mod reuse;
        mod rotation;
        mod stolen_secret;
    }
    mod passkeys {
        mod account;
        mod login;
        mod second_factor;
    }
    mod register;
    mod second_factor {
        mod account;
        mod challenges;
        mod enrolment;
        mod failures;
        mod login;
        mod mailed_code;
        mod matrix;
        mod roles;
        mod step_up;
    }
    mod session_lifetimes;
    mod session_limit;
    mod sessions;
    mod setup;
    mod throttle;
    mod token_delivery;
    mod unknown_addresses;
    mod unknown_names;
    mod user_limits;
}

mod mail {
    mod aiosmtpd;
    mod commands;
    mod delayed_links;
    mod delivery;
    mod kills;
    mod languages;
    mod leases;
    mod new_device;
    mod notices;
    mod outbox;
    mod settings;
    mod templates;
    mod transports;
}

mod cli {
    mod database;
    mod healthcheck;
    mod import;
    mod imported_passwords;
    pub mod keys;
    mod reference;
    mod scenario;
    mod temporary_passwords;
    mod terminal;
    mod transfer;
    pub mod users;
}

mod settings;

mod storage {
    mod backups;
    mod durability;
    mod hot_updates;
    mod migrations;
    mod pgbouncer;
    mod secrecy;
    mod server_defaults;
    mod several_servers;
}

mod system {
    mod bad_input;
    mod brand;
    mod demo;
    mod health;
    mod key_rotation;
    mod metrics;
    mod openapi;
    mod pages;
    mod real_ip;
    mod request_ids;
    mod revocations;
    mod security_headers;
    pub mod sign_in_link;
    mod tls;
    mod well_known;
}
