//! The `WWW-Authenticate` header of bearer-protected routes (RFC 6750 §3).

use std::fmt;

use crate::acr::Acr;

/// Which credentials a rejected request lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// The request has no token. The header then has no `error` (RFC 6750 §3.1).
    NoToken,
    /// The request is malformed. The status is 400.
    InvalidRequest,
    /// The token is expired, revoked, malformed or from another issuer.
    InvalidToken,
    /// The token is valid, but the user lacks a role.
    InsufficientScope,
    /// The user must authenticate again (RFC 9470 §3).
    FreshLogin {
        /// The maximum age of the authentication, in seconds.
        max_age: u64,
    },
    /// The user must log in with more or stronger factors (RFC 9470 §3).
    StrongerLogin {
        /// The weakest login that is accepted.
        acr: Acr,
        /// The maximum age of the authentication, in seconds.
        max_age: Option<u64>,
    },
}

impl Challenge {
    /// The maximum age of the authentication, in seconds.
    pub(super) fn max_age(self) -> Option<u64> {
        match self {
            Self::NoToken | Self::InvalidRequest | Self::InvalidToken | Self::InsufficientScope => None,
            Self::FreshLogin { max_age } => Some(max_age),
            Self::StrongerLogin { max_age, .. } => max_age,
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"Bearer realm="latchkey""#)?;
        let (error, description) = match self {
            Self::NoToken => return Ok(()),
            Self::InvalidRequest => ("invalid_request", "The request is malformed"),
            Self::InvalidToken => ("invalid_token", "The access token is invalid or expired"),
            Self::InsufficientScope => ("insufficient_scope", "The token lacks a required role"),
            Self::FreshLogin { .. } => {
                ("insufficient_user_authentication", "A more recent login is required")
            }
            Self::StrongerLogin { .. } => {
                ("insufficient_user_authentication", "A stronger login is required")
            }
        };
        write!(f, r#", error="{error}", error_description="{description}""#)?;
        if let Self::StrongerLogin { acr, .. } = self {
            write!(f, r#", acr_values="{acr}""#)?;
        }
        if let Some(max_age) = self.max_age() {
            write!(f, r#", max_age="{max_age}""#)?;
        }
        Ok(())
    }
}
