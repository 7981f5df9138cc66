//! What people and sessions are: plain data, parsed once at the edge and trusted afterwards.

mod email;
mod ids;
mod names;
mod session;
mod user;

pub use email::Email;
pub use ids::{SessionId, UserId};
pub use names::{DisplayName, Role, Username};
pub use session::{Delivery, EndReason, Ended, Generation, Session};
pub use user::{PasswordHash, User};

/// A stored value that no code of ours can have written: a damaged or hand-edited row.
#[derive(Debug, thiserror::Error)]
#[error("impossible {column} in the database")]
pub struct ImpossibleValue {
    /// The column, as `table.column`.
    pub column: &'static str,
}
