//! Endpoints for resource servers, operators and tools.

pub mod demo;
pub mod health;
pub mod pages;
pub mod revocations;
mod sign_in_link;
pub mod well_known;
