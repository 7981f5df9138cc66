//! What people and sessions are: plain data, parsed once at the edge and trusted afterwards.

mod claims;
mod device_token;
mod email;
mod event;
mod household;
mod ids;
mod names;
mod random;
mod requester;
mod revocation;
mod session;
mod user;

pub use claims::{CustomClaims, Roles};
pub use device_token::DeviceToken;
pub use email::Email;
pub use event::{Event, EventType};
pub use household::Household;
pub use ids::{SessionId, UserId};
pub use names::{DisplayName, InvalidRole, Role, Username};
pub use random::random_text;
pub use requester::{By, Requester};
pub use revocation::Revocation;
pub use session::{Carrier, Delivery, EndReason, Ended, Generation, Session};
pub use user::{PasswordHash, User, guessable_words};

/// A stored value that no code of ours can have written: a damaged or hand-edited row.
#[derive(Debug, thiserror::Error)]
#[error("impossible {column} in the database")]
pub struct ImpossibleValue {
    /// The column, as `table.column`.
    pub column: &'static str,
}
