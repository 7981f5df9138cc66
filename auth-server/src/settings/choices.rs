//! Settings with a few values.

use clap::ValueEnum;

/// Whether users can register themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Anyone can register
    Open,
    /// Only operators create users
    Closed,
}

/// `SameSite` (RFC 6265bis §5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SameSite {
    /// Sent with requests from pages of the same site
    Strict,
    /// Also sent when a user follows a link from another site
    Lax,
    /// Sent with all requests
    None,
}
