use std::fmt;

use clap::ValueEnum;

use crate::model::User;

/// `MFA`: whether logins take a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mfa {
    /// No second factors: the password is enough, also for users who have one
    Off,
    /// Users turn it on for themselves
    Optional,
    /// A user without one gets one at the next login
    Required,
}

impl Mfa {
    /// Whether a password alone is not enough for this user.
    pub fn requires_factor_of(self, user: &User) -> bool {
        match self {
            Self::Off => false,
            Self::Optional => user.second_factor,
            Self::Required => true,
        }
    }
}

/// How a second factor is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorMethod {
    /// A code of an authenticator app.
    Totp,
    RecoveryCode,
    /// A passkey or a security key.
    Passkey,
}

impl FactorMethod {
    pub const ALL: [Self; 3] = [Self::Totp, Self::RecoveryCode, Self::Passkey];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }
}

impl fmt::Display for FactorMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
