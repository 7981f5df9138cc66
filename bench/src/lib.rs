//! What the benchmarks share: servers to measure, a load generator, latencies, and the table of ratios.

pub mod compare;
mod latencies;
pub mod load;
pub mod logins;
mod server;

pub use latencies::{Latencies, millis};
pub use server::{BenchServer, PASSWORD, available_cores, settings};
