//! The `WWW-Authenticate` header of bearer-protected routes (RFC 6750 §3).

use std::fmt;

/// What a refused caller is told about the credentials to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// No token was sent: nothing but the scheme is said, and no `error` (RFC 6750 §3.1).
    NoToken,
    /// The request itself is at fault, with status 400.
    InvalidRequest,
    /// The token is expired, revoked, malformed or not ours.
    InvalidToken,
    /// The token is good and its owner may not do this.
    InsufficientScope,
    /// The owner must prove again who they are (RFC 9470 §3).
    FreshLogin {
        /// How old the proof may be, in seconds.
        max_age: u64,
    },
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"Bearer realm="latchkey""#)?;
        let (error, description) = match self {
            Self::NoToken => return Ok(()),
            Self::InvalidRequest => ("invalid_request", "The request is malformed"),
            Self::InvalidToken => ("invalid_token", "The access token is invalid or expired"),
            Self::InsufficientScope => {
                ("insufficient_scope", "A role is needed that the token does not have")
            }
            Self::FreshLogin { .. } => ("insufficient_user_authentication", "A more recent login is needed"),
        };
        write!(f, r#", error="{error}", error_description="{description}""#)?;
        if let Self::FreshLogin { max_age } = self {
            write!(f, r#", max_age="{max_age}""#)?;
        }
        Ok(())
    }
}
