//! Plain data types. Texts are parsed once, at the edge, and are valid from then on.

mod characters;
mod client_info;
mod custom_claims;
mod device_token;
mod email;
mod event;
mod hash;
mod ids;
mod names;
mod position;
mod roles;
mod session;
mod user;
mod user_agent;

pub use client_info::{Actor, ClientInfo, ClientNetwork, ClientSubnet};
pub use custom_claims::CustomClaims;
pub use device_token::DeviceToken;
pub use email::Email;
pub use event::{Event, EventType, Revocation};
pub use hash::{random_text, sha256};
pub use ids::{SessionId, UserId};
pub use names::{DisplayName, Username};
pub use position::{InvalidCursor, Position};
pub use roles::{InvalidRole, Role, Roles};
pub use session::{Delivery, EndReason, Ended, Generation, Session, TokenTransport};
pub use user::{PasswordHash, User, UserView, guessable_words};
pub use user_agent::device;

/// A stored value that this server cannot have written: a damaged or manually edited row.
#[derive(Debug, thiserror::Error)]
#[error("invalid value in column {column}")]
pub struct ImpossibleValue {
    /// `table.column`
    pub column: &'static str,
}
