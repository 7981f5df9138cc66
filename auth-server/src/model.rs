//! Plain data types. Texts are parsed once, at the edge, and are valid from then on.

mod accent;
mod amr;
mod characters;
mod client_info;
pub mod csv;
mod custom_claims;
mod device_token;
mod email;
mod email_verification;
mod encrypted;
mod event;
mod hash;
mod ids;
mod locale;
mod mail_kind;
mod names;
mod page;
mod position;
mod proof;
mod roles;
mod second_factor;
mod session;
mod user;
mod user_agent;

pub use accent::{Colour, accent, style_sheet};
pub use amr::Amr;
pub use client_info::{Actor, ClientInfo, ClientNetwork, ClientSubnet};
pub use custom_claims::CustomClaims;
pub use device_token::DeviceToken;
pub use email::Email;
pub use email_verification::EmailVerification;
pub use encrypted::Encrypted;
pub use event::{Event, EventType, Revocation};
pub use hash::{derive_secret, random_text, sha256};
pub use ids::{MailId, ProofId, SessionId, UserId};
pub use locale::{InvalidLocale, Locale};
pub use mail_kind::MailKind;
pub use names::{DisplayName, Username};
pub use page::Page;
pub use position::{InvalidCursor, Position};
pub use proof::{Proof, ProofState, Purpose};
pub use roles::{InvalidRole, Role, Roles};
pub use second_factor::{FactorMethod, Mfa};
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
