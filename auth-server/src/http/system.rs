//! Endpoints for resource servers, operators and tools.

mod client;
pub mod demo;
pub mod health;
mod mailbox;
pub mod pages;
pub mod revocations;
mod sign_in_link;
pub mod well_known;
