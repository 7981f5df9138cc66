use std::fmt;
use std::str::FromStr;

use crate::model::ImpossibleValue;

/// What a mail is about. Each kind has its own templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// Link and code that complete a registration.
    Register,
    /// A registration with the address of a user: tells the user, not the requester.
    AlreadyRegistered,
    /// Link and code that prove an address.
    Verify,
    /// Link and code that set a new password.
    Reset,
    /// Link and code that prove a new address.
    Change,
    /// Link that creates an account.
    Invite,
    /// Code that sets up a second factor at a login.
    EnrolmentCode,
    /// A login from an unknown device and address.
    NewDevice,
    PasswordChanged,
    /// A password set by a link.
    PasswordReset,
    EmailChangeRequested,
    EmailChanged,
    /// A superseded refresh token was used again.
    SessionStolen,
    /// A second factor or recovery codes were added, removed or reset, or a recovery code was used.
    SecondFactorChanged,
    /// Wrong codes after the right password.
    SecondFactorFailed,
    AccountDisabled,
    AccountDeleted,
}

impl MailKind {
    pub const ALL: [Self; 17] = [
        Self::Register,
        Self::AlreadyRegistered,
        Self::Verify,
        Self::Reset,
        Self::Change,
        Self::Invite,
        Self::EnrolmentCode,
        Self::NewDevice,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::SessionStolen,
        Self::SecondFactorChanged,
        Self::SecondFactorFailed,
        Self::AccountDisabled,
        Self::AccountDeleted,
    ];

    /// The name in the database, in metrics, and of the templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::AlreadyRegistered => "already_registered",
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Change => "change",
            Self::Invite => "invite",
            Self::EnrolmentCode => "enrolment_code",
            Self::NewDevice => "new_device",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::SessionStolen => "session_stolen",
            Self::SecondFactorChanged => "second_factor_changed",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::AccountDisabled => "account_disabled",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// Whether it tells a user about a security event, instead of carrying out a request.
    pub fn is_notice(self) -> bool {
        match self {
            Self::Register
            | Self::AlreadyRegistered
            | Self::Verify
            | Self::Reset
            | Self::Change
            | Self::Invite
            | Self::EnrolmentCode => false,
            Self::NewDevice
            | Self::PasswordChanged
            | Self::PasswordReset
            | Self::EmailChangeRequested
            | Self::EmailChanged
            | Self::SessionStolen
            | Self::SecondFactorChanged
            | Self::SecondFactorFailed
            | Self::AccountDisabled
            | Self::AccountDeleted => true,
        }
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MailKind {
    type Err = ImpossibleValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or(ImpossibleValue { column: "mails.kind" })
    }
}
