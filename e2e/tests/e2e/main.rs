//! Both servers over real HTTP, on SQLite, or on the PostgreSQL that `LATCHKEY_TEST_DATABASE_URL` names.

mod bad_input;
mod browser;
mod closing;
mod document;
mod documented;
mod examples;
mod faults;
mod invariants;
mod key_rotation;
mod markdown;
mod monitoring;
mod outages;
mod proxies;
mod stack;
mod the_loop;
