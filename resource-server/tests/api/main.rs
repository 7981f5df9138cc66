//! What the resource server promises, over real HTTP.

mod api;
mod availability;
mod browsers;
mod cookies;
mod errors;
mod healthcheck;
mod invariants;
mod issuer;
mod metrics;
mod openapi;
mod program;
mod request_ids;
mod routes;
mod settings;
mod token_memory;
mod verify;
