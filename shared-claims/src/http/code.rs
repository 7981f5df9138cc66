//! The error codes, which programs evaluate.

/// An error code. Each has exactly one status. The names are part of the public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the titles explain them")]
pub enum Code {
    MalformedRequest,
    InvalidCredentials,
    MissingToken,
    InvalidToken,
    TokenExpired,
    TokenStale,
    SessionEnded,
    InvalidCode,
    EmailCodeRequired,
    MfaRequired,
    MfaEnrolmentRequired,
    ChallengeExpired,
    PasskeyUnknown,
    PasskeyInvalid,
    OriginNotAllowed,
    CsrfFailed,
    RoleRequired,
    FreshLoginRequired,
    StrongerLoginRequired,
    RegistrationClosed,
    PasswordChangeRequired,
    EmailUnverified,
    NotFound,
    MethodNotAllowed,
    EmailTaken,
    LastAdministrator,
    UserDisabled,
    KeyConflict,
    OwnAccount,
    FactorRequired,
    LinkInvalid,
    BodyTooLarge,
    UnsupportedMediaType,
    InvalidInput,
    TooManyRequests,
    InternalError,
    Unavailable,
}

impl Code {
    /// Every code, ordered by status.
    pub const ALL: &[Self] = &[
        Self::MalformedRequest,
        Self::InvalidCredentials,
        Self::MissingToken,
        Self::InvalidToken,
        Self::TokenExpired,
        Self::TokenStale,
        Self::SessionEnded,
        Self::InvalidCode,
        Self::EmailCodeRequired,
        Self::MfaRequired,
        Self::MfaEnrolmentRequired,
        Self::ChallengeExpired,
        Self::PasskeyUnknown,
        Self::PasskeyInvalid,
        Self::OriginNotAllowed,
        Self::CsrfFailed,
        Self::RoleRequired,
        Self::FreshLoginRequired,
        Self::StrongerLoginRequired,
        Self::RegistrationClosed,
        Self::PasswordChangeRequired,
        Self::EmailUnverified,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::EmailTaken,
        Self::LastAdministrator,
        Self::UserDisabled,
        Self::KeyConflict,
        Self::OwnAccount,
        Self::FactorRequired,
        Self::LinkInvalid,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidInput,
        Self::TooManyRequests,
        Self::InternalError,
        Self::Unavailable,
    ];

    /// The code in the response body.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.facts().1
    }

    /// The number of the HTTP status.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.facts().0
    }

    /// A short description.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().2
    }

    const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (400, "malformed_request", "The request is malformed"),
            Self::InvalidCredentials => (401, "invalid_credentials", "The name or the password is wrong"),
            Self::MissingToken => (401, "missing_token", "A token is required"),
            Self::InvalidToken => (401, "invalid_token", "The token is not valid"),
            Self::TokenExpired => (401, "token_expired", "The token has expired"),
            Self::TokenStale => (401, "token_stale", "The token is out of date"),
            Self::SessionEnded => (401, "session_ended", "The session has ended"),
            Self::InvalidCode => (401, "invalid_code", "The code is wrong or has expired"),
            Self::EmailCodeRequired => (401, "email_code_required", "The e-mail address must be verified"),
            Self::MfaRequired => (401, "mfa_required", "A second factor is required"),
            Self::MfaEnrolmentRequired => (401, "mfa_enrolment_required", "A second factor must be set up"),
            Self::ChallengeExpired => (401, "challenge_expired", "The login must begin anew"),
            Self::PasskeyUnknown => (401, "passkey_unknown", "The passkey is unknown"),
            Self::PasskeyInvalid => (401, "passkey_invalid", "The passkey is invalid"),
            Self::OriginNotAllowed => (403, "origin_not_allowed", "The origin is not allowed"),
            Self::CsrfFailed => (403, "csrf_failed", "The CSRF check failed"),
            Self::RoleRequired => (403, "role_required", "A role is required"),
            Self::FreshLoginRequired => (403, "fresh_login_required", "A more recent login is required"),
            Self::StrongerLoginRequired => (403, "stronger_login_required", "A stronger login is required"),
            Self::RegistrationClosed => (403, "registration_closed", "Registration is closed"),
            Self::PasswordChangeRequired => (403, "password_change_required", "The password must be changed"),
            Self::EmailUnverified => (403, "email_unverified", "The e-mail address must be verified first"),
            Self::NotFound => (404, "not_found", "Not found"),
            Self::MethodNotAllowed => (405, "method_not_allowed", "The method is not allowed"),
            Self::EmailTaken => (409, "email_taken", "The e-mail address is taken"),
            Self::LastAdministrator => (409, "last_administrator", "The last administrator must remain"),
            Self::UserDisabled => (409, "user_disabled", "The user is disabled"),
            Self::KeyConflict => (409, "key_conflict", "The signing keys do not allow this"),
            Self::OwnAccount => (409, "own_account", "This is your own account"),
            Self::FactorRequired => (409, "factor_required", "A second factor is required"),
            Self::LinkInvalid => (410, "link_invalid", "The link is not valid"),
            Self::BodyTooLarge => (413, "body_too_large", "The body is too large"),
            Self::UnsupportedMediaType => (415, "unsupported_media_type", "The body must be JSON"),
            Self::InvalidInput => (422, "invalid_input", "Some input is invalid"),
            Self::TooManyRequests => (429, "too_many_requests", "Too many requests"),
            Self::InternalError => (500, "internal_error", "Internal server error"),
            Self::Unavailable => (503, "unavailable", "Temporarily unavailable"),
        }
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Code {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        let codes = Self::ALL.iter().map(|code| code.as_str());
        let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        text.enum_values(Some(codes)).description(Some("The error, for programs.")).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Code {}
