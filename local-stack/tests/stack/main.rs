//! The program as a new user runs it, and the documents that are generated from the servers.

mod failures;
mod guide;
mod origins;
mod runs;
mod settings_md;
mod stack;
mod tls;
mod usage;
