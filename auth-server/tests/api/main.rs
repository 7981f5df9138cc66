//! The auth server over real HTTP, on SQLite, or on the PostgreSQL that `LATCHKEY_TEST_DATABASE_URL` names.

mod app;
mod bad_input;
mod concurrency;
mod delivery;
mod demo;
mod durability;
mod health;
mod limits;
mod login;
mod logout;
mod lost_answers;
mod me;
mod metadata;
mod migrations;
mod origins;
mod passwords;
mod program;
mod registration;
mod restored;
mod reuse;
mod rotation;
mod secrecy;
mod sessions;
mod settings;
mod several_servers;
mod stolen_secret;
