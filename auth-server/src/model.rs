//! What people and sessions are: plain data, parsed once at the edge and trusted afterwards.

mod claims;
mod client_info;
mod client_subnet;
mod device_token;
mod email;
mod event;
mod hash;
mod ids;
mod names;
mod revocation;
mod session;
mod user;
mod user_agent;

pub use claims::{CustomClaims, Roles};
pub use client_info::{Actor, ClientInfo};
pub use client_subnet::ClientSubnet;
pub use device_token::DeviceToken;
pub use email::Email;
pub use event::{Event, EventType};
pub use hash::{random_text, sha256};
pub use ids::{SessionId, UserId};
pub use names::{DisplayName, InvalidRole, Role, Username};
pub use revocation::Revocation;
pub use session::{Delivery, EndReason, Ended, Generation, Session, TokenTransport};
pub use user::{PasswordHash, User, UserView, guessable_words};
pub use user_agent::device;

/// A stored value that no code of ours can have written: a damaged or hand-edited row.
#[derive(Debug, thiserror::Error)]
#[error("impossible {column} in the database")]
pub struct ImpossibleValue {
    /// The column, as `table.column`.
    pub column: &'static str,
}
