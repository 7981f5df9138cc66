//! A resource server with its issuer, and an HTTP client.

use std::sync::Arc;
use std::time::Duration;

use awc::http::Method;
use awc::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use resource_server::{ResourceServer, Settings};
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;

use crate::issuer::Issuer;

pub struct Api {
    pub url: String,
    pub metrics_url: Option<String>,
    pub issuer: Issuer,
    pub clock: ManualClock,
}

pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Api {
    /// A server that is ready.
    pub async fn ready() -> Self {
        Self::ready_with(&[]).await
    }

    /// A server that is ready, with more flags.
    pub async fn ready_with(flags: &[&str]) -> Self {
        let clock = ManualClock::new();
        let api = Self::started(Issuer::started(&clock), clock, flags);
        api.becomes_ready().await;
        api
    }

    /// A server that listens and may not be ready.
    pub fn started(issuer: Issuer, clock: ManualClock, flags: &[&str]) -> Self {
        let own =
            ["resource-server", "--bind-addr", "127.0.0.1:0", "--workers", "1", "--issuer", &issuer.url];
        let settings = Settings::from_flags(own.iter().chain(flags)).expect("settings");
        let server = ResourceServer::build(&settings, Arc::new(clock.clone())).expect("a server");
        let url = format!("http://{}", server.address());
        let metrics_url = server.metrics_address().map(|address| format!("http://{address}"));
        actix_web::rt::spawn(server.run());
        Self { url, metrics_url, issuer, clock }
    }

    pub async fn becomes_ready(&self) {
        for _ in 0..1000 {
            if self.get("/readyz", &[]).await.status == 200 {
                return;
            }
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server did not become ready");
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.send(Method::GET, path, headers).await
    }

    pub async fn get_with(&self, path: &str, token: &str) -> Response {
        self.get(path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    pub async fn post_with(&self, path: &str, token: &str) -> Response {
        self.send(Method::POST, path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = awc::Client::default().request(method, format!("{}{path}", self.url));
        for header in headers {
            request = request.append_header(*header);
        }
        let mut response = request.send().await.expect("a response");
        let body = response.body().await.expect("a body").to_vec();
        Response { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// 200 that caches must not store.
    pub fn assert_personal(&self) {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header(CACHE_CONTROL.as_str()), Some("no-store"));
    }

    /// A problem with all its members.
    pub fn assert_problem(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status, &body["code"]), (status, &json!(code)), "{body}");
        assert_eq!(body["type"], json!(format!("/docs/errors#{code}")));
        assert_eq!(body["status"], json!(status));
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        assert_eq!(self.header(CONTENT_TYPE.as_str()), Some("application/problem+json"));
        assert_eq!(self.header(CACHE_CONTROL.as_str()), Some("no-store"));
    }

    /// A problem with a challenge whose `error` is this (RFC 6750 §3.1).
    pub fn assert_challenged(&self, status: u16, code: &str, error: &str) {
        self.assert_problem(status, code);
        let challenge = self.header(WWW_AUTHENTICATE.as_str()).expect("a challenge");
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains(&format!(r#"error="{error}""#)),
            "{challenge}"
        );
    }
}
