//! What handlers read from a request.

pub mod client_info;
pub mod json;
pub mod query;
pub mod refresh_token;
