//! Why a token was refused, worded for the person who reads the log.

/// Why a token was refused. One variant for each rule, so that a log line says which one.
///
/// Nothing of the token itself is in it: what an attacker writes must not reach the log.
/// Callers of an API are told none of this; see [`token_problem`](crate::http::bearer::token_problem).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`](crate::compact::MAX_TOKEN_BYTES).
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// Not three parts with two dots between them.
    #[error("the token is not in compact form: three parts and two dots")]
    NotCompact,
    /// A character outside the alphabet, a stray length, or bits left over (RFC 7515 §2, RFC 4648 §3.5).
    #[error("a part of the token is not base64url without padding")]
    NotBase64Url,
    /// The header is not a JSON object with an `alg` and well-typed members.
    #[error("the header is not a JSON object with an algorithm")]
    MalformedHeader,
    /// The payload is not a JSON object.
    #[error("the payload is not a JSON object")]
    MalformedPayload,
    /// A member stands twice in the header or the payload (RFC 7515 §4, RFC 7519 §4).
    #[error("a member stands twice")]
    DuplicateMember,
    /// The header has `crit`: it names extensions that one must understand, and we know none (RFC 7515 §4.1.11).
    #[error("the header demands an extension (crit)")]
    CriticalHeader,
    /// `alg` is not an algorithm that we know; `none` is not.
    #[error("the algorithm is unknown")]
    UnknownAlgorithm,
    /// `alg` is known, but not in the allow-list (RFC 8725 §3.1).
    #[error("the algorithm is not allowed here")]
    AlgorithmNotAllowed,
    /// `alg` is not the algorithm of the key that `kid` names (RFC 8725 §3.1).
    #[error("the algorithm is not that of the key")]
    AlgorithmMismatch,
    /// `typ` is absent or says that this is another kind of token (RFC 8725 §3.11).
    #[error("the typ in the header is not the one wanted")]
    WrongTyp,
    /// The header has no `kid`, and more than one key could be meant.
    #[error("the header names no key (kid)")]
    MissingKeyId,
    /// No key with this `kid` is at hand.
    #[error("the key named by kid is unknown")]
    UnknownKey,
    /// There are no keys at all: nothing can be said about any token.
    #[error("no keys are at hand")]
    NoKeys,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    BadSignature,
    /// A required claim is absent.
    #[error("the claim {0} is missing")]
    MissingClaim(&'static str),
    /// A claim has the wrong JSON type, or is empty where a value is needed.
    #[error("the claim {0} has the wrong type")]
    MistypedClaim(&'static str),
    /// A number beyond what its claim can mean: a time after the year 9999, a count of 2^53.
    #[error("the claim {0} is out of range")]
    ImplausibleClaim(&'static str),
    /// `iss` is not, byte for byte, the issuer wanted (RFC 8725 §3.8).
    #[error("the issuer is not the one wanted")]
    WrongIssuer,
    /// `aud` does not contain the audience wanted (RFC 8725 §3.9).
    #[error("the audience is not the one wanted")]
    WrongAudience,
    /// The claim `type` says that this is another kind of token.
    #[error("the claim type is not the one wanted")]
    WrongTokenType,
    /// `exp` has passed, and the leeway with it.
    #[error("the token has expired")]
    Expired,
    /// A time that should have passed is further ahead than clocks differ: `iat`, `auth_time`.
    #[error("the claim {0} is in the future")]
    FromTheFuture(&'static str),
    /// `nbf` has not come yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The key was taken out of use, with all that it signed.
    #[error("the key was taken out of use")]
    RetiredKey,
    /// The session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The person's roles, password or status have changed since. A refresh heals that.
    #[error("the token is older than the last change of its person's record")]
    Stale,
    /// What was revoked has not been heard of for so long that nothing is to be believed.
    #[error("nothing was heard of revocations for too long")]
    RevocationsTooOld,
    /// The custom claims do not fit the type that the service asked for.
    #[error("the custom claims do not have the shape that this service wants")]
    CustomClaims,
}

impl TokenError {
    /// All of them, once each; those that name a claim, without its name.
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
        Self::RevocationsTooOld,
        Self::CustomClaims,
    ];

    /// The rule in one word, for metrics.
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
            Self::RevocationsTooOld => "revocations_too_old",
            Self::CustomClaims => "custom_claims",
        }
    }
}
