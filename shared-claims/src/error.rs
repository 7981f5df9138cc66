//! The reasons for which a token is rejected, worded for the log.

/// Why a token is rejected: one variant per rule.
///
/// The messages contain no part of the token, because an attacker can write anything into it.
/// Callers of an API do not see the reason; see [`token_problem`](crate::http::bearer::token_problem).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`](crate::compact::MAX_TOKEN_BYTES).
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// Not three parts separated by dots (RFC 7515 §7.1).
    #[error("the token is not in compact form: three parts separated by dots")]
    NotCompact,
    /// A character outside the alphabet, an impossible length, or leftover bits (RFC 7515 §2, RFC 4648 §3.5).
    #[error("a part of the token is not base64url without padding")]
    NotBase64Url,
    /// The header is not a JSON object with `alg`, or a member has the wrong type.
    #[error("the header is not a valid JSON object with alg")]
    MalformedHeader,
    /// The payload is not a JSON object.
    #[error("the payload is not a JSON object")]
    MalformedPayload,
    /// The header or the payload has a duplicate member (RFC 7515 §4, RFC 7519 §4).
    #[error("the token has a duplicate member")]
    DuplicateMember,
    /// The header has `crit`, which requires extensions. None are supported (RFC 7515 §4.1.11).
    #[error("the header requires an extension (crit)")]
    CriticalHeader,
    /// `alg` is not a supported algorithm, for example `none`.
    #[error("the algorithm is unknown")]
    UnknownAlgorithm,
    /// `alg` is not in the list of allowed algorithms (RFC 8725 §3.1).
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// `alg` is not the algorithm of the key that `kid` names (RFC 8725 §3.1).
    #[error("the algorithm does not match the key")]
    AlgorithmMismatch,
    /// `typ` is absent or names another kind of token (RFC 8725 §3.11).
    #[error("the typ in the header is not the expected one")]
    WrongTyp,
    /// The header has no `kid`.
    #[error("the header has no kid")]
    MissingKeyId,
    /// No key has this `kid`.
    #[error("the key named by kid is unknown")]
    UnknownKey,
    /// There are no keys, so no token can be validated.
    #[error("no keys are available")]
    NoKeys,
    /// The signature does not match the key and the content.
    #[error("the signature is invalid")]
    BadSignature,
    /// A required claim is absent.
    #[error("the claim {0} is missing")]
    MissingClaim(&'static str),
    /// A claim has the wrong JSON type, or is empty although a value is required.
    #[error("the claim {0} has the wrong type")]
    MistypedClaim(&'static str),
    /// A number outside the range of its claim: a time after the year 9999, or a count of 2^53 or more.
    #[error("the claim {0} is out of range")]
    ImplausibleClaim(&'static str),
    /// `iss` is not, byte for byte, the expected issuer (RFC 8725 §3.8).
    #[error("the issuer is not the expected one")]
    WrongIssuer,
    /// `aud` does not contain the expected audience (RFC 8725 §3.9).
    #[error("the audience is not the expected one")]
    WrongAudience,
    /// The claim `type` names another kind of token.
    #[error("the claim type is not the expected one")]
    WrongTokenType,
    /// `exp` and the leeway have passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `auth_time` is further in the future than the leeway for clock differences.
    #[error("the claim {0} is in the future")]
    FromTheFuture(&'static str),
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The key is retired, so every token that it signed is revoked.
    #[error("the key is retired")]
    RetiredKey,
    /// The session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The user's roles, password or status changed after the token was issued. A refresh returns a current token.
    #[error("the token is older than the last change of the user")]
    Stale,
    /// The revocation feed has not responded since the start, so ended sessions are not known.
    #[error("there are no revocations yet")]
    NoRevocations,
    /// The last update from the revocation feed is older than the configured maximum.
    #[error("the revocation list is too old")]
    RevocationsTooOld,
    /// The custom claims do not fit the type that the service requires.
    #[error("the custom claims do not fit the type that this service requires")]
    CustomClaims,
}

impl TokenError {
    /// Every variant once. Those with a claim have an empty name.
    pub const ALL: &[Self] = &[
        Self::TooLong,
        Self::NotCompact,
        Self::NotBase64Url,
        Self::MalformedHeader,
        Self::MalformedPayload,
        Self::DuplicateMember,
        Self::CriticalHeader,
        Self::UnknownAlgorithm,
        Self::AlgorithmNotAllowed,
        Self::AlgorithmMismatch,
        Self::WrongTyp,
        Self::MissingKeyId,
        Self::UnknownKey,
        Self::NoKeys,
        Self::BadSignature,
        Self::MissingClaim(""),
        Self::MistypedClaim(""),
        Self::ImplausibleClaim(""),
        Self::WrongIssuer,
        Self::WrongAudience,
        Self::WrongTokenType,
        Self::Expired,
        Self::FromTheFuture(""),
        Self::NotYetValid,
        Self::RetiredKey,
        Self::SessionEnded,
        Self::Stale,
        Self::NoRevocations,
        Self::RevocationsTooOld,
        Self::CustomClaims,
    ];

    /// The rule as a label for metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotCompact => "not_compact",
            Self::NotBase64Url => "not_base64url",
            Self::MalformedHeader => "malformed_header",
            Self::MalformedPayload => "malformed_payload",
            Self::DuplicateMember => "duplicate_member",
            Self::CriticalHeader => "critical_header",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::WrongTyp => "wrong_typ",
            Self::MissingKeyId => "missing_key_id",
            Self::UnknownKey => "unknown_key",
            Self::NoKeys => "no_keys",
            Self::BadSignature => "bad_signature",
            Self::MissingClaim(_) => "missing_claim",
            Self::MistypedClaim(_) => "mistyped_claim",
            Self::ImplausibleClaim(_) => "implausible_claim",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::WrongTokenType => "wrong_token_type",
            Self::Expired => "expired",
            Self::FromTheFuture(_) => "from_the_future",
            Self::NotYetValid => "not_yet_valid",
            Self::RetiredKey => "retired_key",
            Self::SessionEnded => "session_ended",
            Self::Stale => "stale",
            Self::NoRevocations => "no_revocations",
            Self::RevocationsTooOld => "revocations_too_old",
            Self::CustomClaims => "custom_claims",
        }
    }
}
