//! Problems of the administration of signing keys.

use std::borrow::Cow;
use std::error::Error;

use shared_claims::{Code, Problem};

use crate::domain::keys::KeyError;
use crate::domain::keys::admin::KeyAdminError;
use crate::http::errors::role_required;

impl From<KeyAdminError> for Problem {
    fn from(error: KeyAdminError) -> Self {
        match error {
            KeyAdminError::Keys(error) => error.into(),
            KeyAdminError::NoSuchKey(_) => Problem::new(Code::NotFound),
            KeyAdminError::AlreadyRetired(_) => conflict("The key is already retired."),
            KeyAdminError::NextExists { active_from, .. } => {
                let active_from = active_from.format("%Y-%m-%dT%H:%M:%SZ");
                conflict(format!("The next key is already published and signs from {active_from}."))
            }
            KeyAdminError::OtherAlgorithm(algorithm) => conflict(format!(
                "The servers are changing to {algorithm}: its first key is not created yet."
            )),
            KeyAdminError::Full => {
                conflict("The key set is full: wait until some keys have expired, or retire some.")
            }
            KeyAdminError::CannotDecrypt { .. } => cannot_decrypt(&error),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::NotAdministrator(_) => role_required(),
            KeyError::WrongSecret | KeyError::Damaged(_) => cannot_decrypt(&error),
            KeyError::Unusable(error) => error.into(),
            KeyError::Conflict => {
                log::warn!("{error}");
                Problem::new(Code::Unavailable).detail("Another server changed the signing keys: try again.")
            }
        }
    }
}

/// With HS256.
pub fn shared_secret() -> Problem {
    conflict("Access tokens are signed with JWT_ACCESS_SECRET, not with a key.")
}

fn conflict(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(Code::KeyConflict).detail(detail)
}

fn cannot_decrypt(error: &dyn Error) -> Problem {
    log::error!("{error}");
    conflict("This server cannot decrypt the signing keys: its log has the setting to change.")
}
