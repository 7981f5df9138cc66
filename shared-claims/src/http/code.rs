//! The error codes, which programs evaluate.

use actix_web::http::StatusCode;

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
    OriginNotAllowed,
    CsrfFailed,
    RoleRequired,
    FreshLoginRequired,
    RegistrationClosed,
    PasswordChangeRequired,
    NotFound,
    MethodNotAllowed,
    EmailTaken,
    LastAdministrator,
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
        Self::OriginNotAllowed,
        Self::CsrfFailed,
        Self::RoleRequired,
        Self::FreshLoginRequired,
        Self::RegistrationClosed,
        Self::PasswordChangeRequired,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::EmailTaken,
        Self::LastAdministrator,
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

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.facts().0
    }

    /// A short description.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().2
    }

    const fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as Status;
        match self {
            Self::MalformedRequest => (Status::BAD_REQUEST, "malformed_request", "The request is malformed"),
            Self::InvalidCredentials => {
                (Status::UNAUTHORIZED, "invalid_credentials", "The name or the password is wrong")
            }
            Self::MissingToken => (Status::UNAUTHORIZED, "missing_token", "A token is required"),
            Self::InvalidToken => (Status::UNAUTHORIZED, "invalid_token", "The token is not valid"),
            Self::TokenExpired => (Status::UNAUTHORIZED, "token_expired", "The token has expired"),
            Self::TokenStale => (Status::UNAUTHORIZED, "token_stale", "The token is out of date"),
            Self::SessionEnded => (Status::UNAUTHORIZED, "session_ended", "The session has ended"),
            Self::OriginNotAllowed => (Status::FORBIDDEN, "origin_not_allowed", "The origin is not allowed"),
            Self::CsrfFailed => (Status::FORBIDDEN, "csrf_failed", "The CSRF check failed"),
            Self::RoleRequired => (Status::FORBIDDEN, "role_required", "A role is required"),
            Self::FreshLoginRequired => {
                (Status::FORBIDDEN, "fresh_login_required", "A more recent login is required")
            }
            Self::RegistrationClosed => (Status::FORBIDDEN, "registration_closed", "Registration is closed"),
            Self::PasswordChangeRequired => {
                (Status::FORBIDDEN, "password_change_required", "The password must be changed")
            }
            Self::NotFound => (Status::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => {
                (Status::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed")
            }
            Self::EmailTaken => (Status::CONFLICT, "email_taken", "The e-mail address is taken"),
            Self::LastAdministrator => {
                (Status::CONFLICT, "last_administrator", "The last administrator must remain")
            }
            Self::BodyTooLarge => (Status::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (Status::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body must be JSON")
            }
            Self::InvalidInput => (Status::UNPROCESSABLE_ENTITY, "invalid_input", "Some input is invalid"),
            Self::TooManyRequests => (Status::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            Self::InternalError => (Status::INTERNAL_SERVER_ERROR, "internal_error", "Internal server error"),
            Self::Unavailable => (Status::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
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
