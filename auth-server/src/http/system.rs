//! Endpoints for resource servers, operators and tools.

pub mod demo;
pub mod health;
pub mod revocations;
pub mod well_known;
