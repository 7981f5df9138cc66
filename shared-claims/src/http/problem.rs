//! Error responses: RFC 9457 problem details with a documented code.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
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
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of every error response.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Problem))]
pub struct ProblemBody {
    /// `/docs/errors#` followed by the code: the page of the server that explains it.
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
    /// The maximum age of the login, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
}

impl Problem {
    /// A problem whose detail is the code's title.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let is_temporary = matches!(code, Code::Unavailable | Code::TooManyRequests);
        let body = ProblemBody {
            kind: format!("/docs/errors#{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: format!("{}.", code.title()).into(),
            code: code.as_str(),
            reason: None,
            fields: BTreeMap::new(),
            retry_after: is_temporary.then_some(1),
            max_age: None,
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

    /// Sets `WWW-Authenticate`, and `max_age` if the challenge has one.
    #[must_use]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        if let Challenge::FreshLogin { max_age } = challenge {
            self.0.body.max_age = Some(max_age);
        }
        self.0.challenge = Some(challenge);
        self
    }

    /// Sets `Allow`, which a 405 requires (RFC 9110 §15.5.6).
    #[must_use]
    pub fn allow(self, methods: &str) -> Self {
        self.header(ALLOW, methods)
    }

    /// Adds a header. An invalid value is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((name, value));
        }
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The HTTP response.
    #[must_use]
    pub fn to_response(&self) -> HttpResponse {
        let parts = &*self.0;
        let mut response = HttpResponseBuilder::new(parts.code.status());
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = parts.body.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(challenge) = parts.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.to_string()));
        }
        for header in &parts.headers {
            response.append_header(header.clone());
        }
        response.insert_header((CONTENT_TYPE, MEDIA_TYPE));
        // A struct of strings and numbers cannot fail to serialise.
        response.body(serde_json::to_vec(&parts.body).unwrap_or_default())
    }
}

/// The code, for logs. The caller's input is left out.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.as_str())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.to_response()
    }
}
