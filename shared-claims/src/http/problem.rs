//! Error responses: RFC 9457 problem details with a documented code.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::challenge::Challenge;
pub use super::code::Code;

/// The media type of RFC 9457 §3.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error response. It contains only what was put into it, never the text of a library's error.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    body: ProblemBody,
    code: Code,
    challenge: Option<Challenge>,
    headers: Vec<(String, String)>,
}

/// The body of every error response.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Problem))]
pub struct ProblemBody {
    /// `/docs/errors#` followed by the code: the page of the server that explains it. Other APIs can name that of the auth
    /// server.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short description of the code.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, for humans.
    pub detail: Cow<'static, str>,
    /// The error, for programs.
    #[cfg_attr(feature = "openapi", schema(value_type = Code))]
    pub code: &'static str,
    /// Why the session ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What is wrong with each invalid member of the input.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Seconds until the request can be retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The `acr` that a token must have, or a stronger one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<&'static str>,
    /// The maximum age of the login, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// How often another code can be tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u32>,
    /// Makes the code in the mail valid for this client. Keep it secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation: Option<String>,
    /// Completes the login together with a second factor. Keep it secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// How the second factor can be proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<&'static str>>,
    /// The options for `navigator.credentials.get`, if the user has passkeys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub passkey_options: Option<serde_json::Value>,
    /// Seconds until the continuation or the challenge expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
}

impl Problem {
    /// A problem whose detail is the code's title.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let is_temporary = matches!(code, Code::Unavailable | Code::TooManyRequests);
        let body = ProblemBody {
            kind: kind(code),
            title: code.title(),
            status: code.number(),
            detail: format!("{}.", code.title()).into(),
            code: code.as_str(),
            reason: None,
            fields: BTreeMap::new(),
            retry_after: is_temporary.then_some(1),
            acr_values: Vec::new(),
            max_age: None,
            attempts_left: None,
            continuation: None,
            challenge: None,
            methods: None,
            passkey_options: None,
            expires_in: None,
        };
        Self(Box::new(Parts { body, code, challenge: None, headers: Vec::new() }))
    }

    /// Sets `detail`: a fixed sentence, or one with the caller's own input.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.body.detail = detail.into();
        self
    }

    /// Sets `reason`.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.0.body.reason = Some(reason);
        self
    }

    /// Sets `fields`.
    #[must_use]
    pub fn fields(mut self, fields: BTreeMap<String, String>) -> Self {
        self.0.body.fields = fields;
        self
    }

    /// Adds one member to [`fields`](Self::fields).
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.body.fields.insert(name.into(), message.into());
        self
    }

    /// Sets `retry_after` and the header `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.body.retry_after = Some(seconds);
        self
    }

    /// Sets `WWW-Authenticate`, and `acr_values` and `max_age` if the challenge has them.
    #[must_use]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        if let Challenge::StrongerLogin { acr, .. } = challenge {
            self.0.body.acr_values = vec![acr.as_str()];
        }
        self.0.body.max_age = challenge.max_age();
        self.0.challenge = Some(challenge);
        self
    }

    /// Makes `type` a URL of the page about errors of the auth server.
    #[must_use]
    pub fn explained_by(mut self, issuer: &str) -> Self {
        self.0.body.kind = format!("{issuer}{}", kind(self.0.code));
        self
    }

    /// Sets `attempts_left`.
    #[must_use]
    pub fn attempts_left(mut self, attempts: u32) -> Self {
        self.0.body.attempts_left = Some(attempts);
        self
    }

    /// Sets `continuation` and `expires_in`.
    #[must_use]
    pub fn continuation(mut self, continuation: &str, expires_in: u64) -> Self {
        self.0.body.continuation = Some(continuation.to_owned());
        self.0.body.expires_in = Some(expires_in);
        self
    }

    /// Sets the member `challenge`, with which the client completes a login, and `expires_in`.
    #[must_use]
    pub fn login_challenge(mut self, challenge: &str, expires_in: u64) -> Self {
        self.0.body.challenge = Some(challenge.to_owned());
        self.0.body.expires_in = Some(expires_in);
        self
    }

    /// Sets `methods`.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        self.0.body.methods = Some(methods.into_iter().collect());
        self
    }

    /// Sets `passkey_options`.
    #[must_use]
    pub fn passkey_options(mut self, options: Option<serde_json::Value>) -> Self {
        self.0.body.passkey_options = options;
        self
    }

    /// Sets `Allow`, which a 405 requires (RFC 9110 §15.5.6).
    #[must_use]
    pub fn allow(self, methods: &str) -> Self {
        self.header("allow", methods)
    }

    /// Adds a header. An invalid one is left out of the response.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: &str) -> Self {
        self.0.headers.push((name.as_ref().to_owned(), value.to_owned()));
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The headers of the response.
    pub(super) fn headers(&self) -> Vec<(&str, Cow<'_, str>)> {
        let parts = &*self.0;
        let mut headers = vec![("cache-control", "no-store".into()), ("content-type", MEDIA_TYPE.into())];
        headers.extend(parts.body.retry_after.map(|seconds| ("retry-after", seconds.to_string().into())));
        headers.extend(parts.challenge.map(|challenge| ("www-authenticate", challenge.to_string().into())));
        headers.extend(parts.headers.iter().map(|(name, value)| (name.as_str(), value.into())));
        headers
    }

    /// The body of the response.
    pub(super) fn body(&self) -> Vec<u8> {
        // A struct of strings and numbers cannot fail to serialise.
        serde_json::to_vec(&self.0.body).unwrap_or_default()
    }
}

fn kind(code: Code) -> String {
    format!("/docs/errors#{}", code.as_str())
}

/// The code, for logs. The caller's input is left out.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.as_str())
    }
}

impl std::error::Error for Problem {}
