//! What the benchmarks share: a server to measure, a load generator, and latencies.

mod latencies;
pub mod load;
pub mod logins;
mod server;

pub use latencies::{Latencies, millis};
pub use server::{BenchServer, PASSWORD, available_cores, settings};
