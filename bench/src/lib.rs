//! What the benches share: a server to measure, and the figures that come out.

mod latencies;
pub mod logins;
mod server;

pub use latencies::{Latencies, millis};
pub use server::{BenchServer, PASSWORD, available_cores, settings};
