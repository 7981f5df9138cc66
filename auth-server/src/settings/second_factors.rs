//! Settings of second factors.

use clap::Args;
use server_kit::settings::heading::PASSWORDS;

use crate::model::{Mfa, Role, Roles};
use crate::settings::{Secrets, Settings};

/// Second factors.
#[derive(Debug, Args)]
pub struct SecondFactorSettings {
    /// Second factors at login [default: optional, or off without `KEY_ENCRYPTION_SECRET`]
    ///
    /// With `required`, a user without one sets up an authenticator app at the next login. During an upgrade from a version
    /// without second factors: `off` until the last server is new.
    #[arg(long, env, hide_short_help = true, help_heading = PASSWORDS)]
    mfa: Option<Mfa>,

    /// Roles that require a second factor
    ///
    /// Separated by commas, such as `admin`. A session has such a role only after a second factor: access tokens of weaker
    /// sessions do not contain it.
    #[arg(long, env, value_delimiter = ',', hide_short_help = true, help_heading = PASSWORDS)]
    mfa_required_roles: Vec<String>,

    /// Name of this service in authenticator apps [default: `BRAND_NAME`]
    #[arg(long, env, hide_short_help = true, help_heading = PASSWORDS)]
    mfa_issuer: Option<String>,
}

impl SecondFactorSettings {
    /// `MFA`
    ///
    /// # Errors
    /// One line that names the setting.
    pub(crate) fn mfa(&self, secrets: &Secrets) -> Result<Mfa, String> {
        match (self.mfa, &secrets.key_encryption) {
            (Some(Mfa::Optional | Mfa::Required), None) => Err(
                "KEY_ENCRYPTION_SECRET is not set: it encrypts the secrets of authenticator apps. Without them: MFA=off"
                    .to_owned(),
            ),
            (None, None) if !self.mfa_required_roles.is_empty() => Err(
                "KEY_ENCRYPTION_SECRET is not set: MFA_REQUIRED_ROLES requires second factors, whose secrets it encrypts"
                    .to_owned(),
            ),
            (None, Some(_)) => Ok(Mfa::Optional),
            (None, None) => Ok(Mfa::Off),
            (Some(mfa), _) => Ok(mfa),
        }
    }

    /// `MFA_REQUIRED_ROLES`
    ///
    /// # Errors
    /// One line that names the setting.
    pub(crate) fn required_roles(&self) -> Result<Vec<Role>, String> {
        let roles =
            Roles::parse(&self.mfa_required_roles).map_err(|error| format!("MFA_REQUIRED_ROLES {error}"))?;
        if self.mfa == Some(Mfa::Off) && !self.mfa_required_roles.is_empty() {
            return Err("MFA_REQUIRED_ROLES requires MFA=optional or MFA=required".to_owned());
        }
        Ok(roles.into_vec())
    }
}

impl Settings {
    /// `MFA_ISSUER`
    pub(crate) fn mfa_issuer(&self) -> String {
        self.second_factors.mfa_issuer.clone().unwrap_or_else(|| self.pages.brand_name.clone())
    }
}
