//! A request and its response.

use std::io::ErrorKind;
use std::time::Duration;

use awc::error::{ConnectError, SendRequestError};
use awc::http::Method;
use awc::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE,
};
use serde_json::{Value, json};

use crate::evidence;

pub const DEVICE_COOKIE_NAME: &str = "__Host-device";
pub const COOKIE_NAME: &str = "__Host-refresh_token";

const PATIENCE: Duration = Duration::from_secs(30);

/// A request to build and send.
#[must_use]
pub struct Call {
    request: awc::ClientRequest,
    body: Option<Vec<u8>>,
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResponse {
    /// No connection: the server has not received the request.
    Unreachable,
    /// The connection broke: the server may have processed the request.
    BrokenOff,
    /// No response within the timeout.
    Timeout,
}

/// A client that waits long enough for a busy machine, for the connection and for the response.
pub fn client() -> awc::Client {
    let connector = awc::Connector::new().timeout(PATIENCE);
    awc::Client::builder().connector(connector).disable_redirects().timeout(PATIENCE).finish()
}

impl Call {
    pub fn new(method: Method, url: String) -> Self {
        Self::through(&client(), method, url)
    }

    /// Uses a client that keeps its connections.
    pub fn through(client: &awc::Client, method: Method, url: String) -> Self {
        Self { request: client.request(method, url), body: None }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.append_header((name, value));
        self
    }

    /// For values that are not plain text.
    pub fn header_value(mut self, name: &str, value: HeaderValue) -> Self {
        self.request = self.request.append_header((name, value));
        self
    }

    /// Sends this refresh token in its cookie.
    pub fn cookie(self, token: &str) -> Self {
        self.header(COOKIE.as_str(), &format!("{COOKIE_NAME}={token}"))
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json").raw(body.to_string())
    }

    pub fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub async fn send(self) -> Response {
        self.try_send().await.expect("a response")
    }

    /// For a server that may be killed meanwhile. An incomplete body is an error.
    pub async fn try_send(self) -> Result<Response, NoResponse> {
        let sent_body = self.body.clone().unwrap_or_default();
        let sent = match self.body {
            Some(body) => self.request.send_body(body),
            None => self.request.send(),
        };
        let mut response = sent.await.map_err(|error| match error {
            SendRequestError::Connect(ConnectError::Io(error))
                if error.kind() == ErrorKind::ConnectionRefused =>
            {
                NoResponse::Unreachable
            }
            SendRequestError::Timeout => NoResponse::Timeout,
            // Including `Connect(Disconnected)`: the connection was closed after it was made.
            _ => NoResponse::BrokenOff,
        })?;
        let body = response.body().limit(1 << 20).await.map_err(|_| NoResponse::BrokenOff)?;
        let response = Response {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: body.to_vec(),
        };
        evidence::exchange(&sent_body, response.status, &response.body, &response.cookies());
        Ok(response)
    }
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn cookies(&self) -> Vec<String> {
        self.headers.get_all(SET_COOKIE).filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    }

    /// The whole `Set-Cookie` header of the refresh cookie.
    pub fn set_cookie(&self) -> Option<String> {
        self.cookie_named(COOKIE_NAME)
    }

    /// The value of the device cookie.
    pub fn device_cookie(&self) -> Option<String> {
        self.cookie(DEVICE_COOKIE_NAME)
    }

    /// The value of this cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookie = self.cookie_named(name)?;
        cookie.split(';').next()?.split_once('=').map(|(_, value)| value.to_owned())
    }

    /// The whole `Set-Cookie` header of this cookie.
    pub fn cookie_named(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all(SET_COOKIE).map(|cookie| cookie.to_str().expect("text"));
        let mut found = all.filter(|cookie| cookie.split('=').next() == Some(name));
        let cookie = found.next()?.to_owned();
        assert!(found.next().is_none(), "more than one {name}");
        Some(cookie)
    }

    /// The refresh token in the cookie that the response sets.
    pub fn refresh_cookie(&self) -> Option<String> {
        let cookie = self.set_cookie()?;
        let value = cookie.split(';').next()?.strip_prefix(COOKIE_NAME)?.strip_prefix('=')?.to_owned();
        (!value.is_empty()).then_some(value)
    }

    pub fn clears_cookie(&self) -> bool {
        self.set_cookie().is_some_and(|cookie| {
            cookie.starts_with(&format!("{COOKIE_NAME}=;")) && cookie.contains("Max-Age=0")
        })
    }

    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Asserts problem details with this status and code, and without internal details.
    pub fn assert_problem(self, status: u16, code: &str) -> Self {
        let problem = self.json();
        assert_eq!((self.status, &problem["code"]), (status, &json!(code)), "{}", self.text());
        assert_eq!(problem["status"], json!(status));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header(CACHE_CONTROL.as_str()), Some("no-store"));
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        let text = self.text().to_lowercase();
        for internal in ["diesel", "sqlite", "postgres", "select ", "panicked", ".rs:"] {
            assert!(!text.contains(internal), "{text}");
        }
        self
    }

    pub fn assert_ended(self, reason: &str) -> Self {
        let response = self.assert_problem(401, "session_ended");
        assert_eq!(response.json()["reason"], json!(reason));
        response
    }
}
