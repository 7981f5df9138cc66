//! Tests of the auth server over HTTP, on SQLite or on the PostgreSQL server in `LATCHKEY_TEST_DATABASE_URL`.
//!
//! The folders follow `src/http` and `src/cli`; `storage` has the tests of the database as a whole.
//! `app` runs a server in this process, `program` runs it as a separate process, and `command` runs a command.

mod app;
mod command;
mod program;

mod admin {
    mod events;
    mod last_administrator;
    mod search;
    mod sessions;
    mod users;
}

mod auth {
    mod attempt_limits;
    mod both_cookies;
    mod csrf;
    mod delete_me;
    mod events;
    mod login;
    mod logout;
    mod me;
    mod password;
    mod password_checks;
    mod password_forms;
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
    mod register;
    mod session_lifetimes;
    mod session_limit;
    mod sessions;
    mod throttle;
    mod token_delivery;
    mod unknown_names;
    mod user_limits;
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
    pub mod users;
}

mod settings;

mod storage {
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
    mod sign_in_link;
    mod well_known;
}
