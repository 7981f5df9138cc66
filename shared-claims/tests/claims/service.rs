//! A service with a route for each way to use the extractors, and its client.

use std::net::TcpListener;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer, web};
use awc::http::Method;
use awc::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use axum::routing::{any, get};
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_claims::axum::require_token as guard;
use shared_claims::{
    AcceptCookie, AccessTokenValidator, Acr, Authenticated, MaybeAuthenticated, Problem, require_token,
};

/// The page that may read responses of a [`Service`].
pub const ALLOWED_ORIGIN: &str = "https://page.example";

#[derive(Clone, Debug, Deserialize)]
pub struct Plan {
    pub plan: String,
}

pub struct Service {
    pub url: String,
}

pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn challenge(&self) -> Option<&str> {
        self.headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().expect("text"))
    }

    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{}", self.text());
        assert_eq!(self.json()["status"], json!(status));
        assert_eq!(self.headers.get(CONTENT_TYPE).expect("a type"), "application/problem+json");
        assert_eq!(self.headers.get(CACHE_CONTROL).expect("caching"), "no-store");
    }

    pub fn assert_rejected(&self, status: u16, code: &str, error: &str) {
        self.assert_problem(status, code);
        let challenge = self.challenge().expect("a challenge");
        assert!(
            challenge.starts_with(&format!(r#"Bearer realm="latchkey", error="{error}""#)),
            "{challenge}"
        );
    }
}

impl Service {
    pub fn start(validator: AccessTokenValidator) -> Self {
        Self::start_with(validator, None)
    }

    pub fn start_with(validator: AccessTokenValidator, cookie: Option<AcceptCookie>) -> Self {
        Self::of(move |config| {
            if let Some(cookie) = cookie {
                config.app_data(cookie);
            }
            config
                .app_data(validator.clone())
                .app_data(web::Data::new(validator.clone()))
                .route("/hello", web::get().to(hello))
                .route("/maybe", web::get().to(maybe))
                .route("/admin", web::get().to(admin))
                .route("/fresh", web::get().to(fresh))
                .route("/strong", web::get().to(strong))
                .route("/strong-and-fresh", web::get().to(strong_and_fresh))
                .route("/typed", web::get().to(typed))
                .route("/any-method", web::to(hello))
                .route("/guarded", web::to(open).wrap(require_token()));
        })
    }

    /// The same handlers on axum.
    pub fn start_on_axum(validator: AccessTokenValidator, cookie: Option<AcceptCookie>) -> Self {
        let guarded = Router::new().route("/guarded", any(open)).route_layer(guard());
        let app = Router::new()
            .route("/hello", get(hello))
            .route("/maybe", get(maybe))
            .route("/admin", get(admin))
            .route("/fresh", get(fresh))
            .route("/strong", get(strong))
            .route("/strong-and-fresh", get(strong_and_fresh))
            .route("/typed", get(typed))
            .route("/any-method", any(hello))
            .merge(guarded);
        let app = match cookie {
            Some(cookie) => app.layer(Extension(cookie)),
            None => app,
        };
        Self::of_router(app.layer(Extension(validator)))
    }

    pub fn of_router(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        tokio::spawn(async { axum::serve(listener, app).await });
        Self { url }
    }

    pub fn of(configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let server = HttpServer::new(move || {
            App::new().configure(&configure).wrap(Cors::default().allowed_origin(ALLOWED_ORIGIN))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .expect("a free port");
        let url = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self { url }
    }

    pub async fn get(&self, path: &str, authorization: &[&str]) -> Response {
        self.send(Method::GET, path, authorization, "").await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        authorization: &[&str],
        body: &'static str,
    ) -> Response {
        let headers: Vec<_> = authorization.iter().map(|value| ("Authorization", *value)).collect();
        self.send_headed(method, path, &headers, body).await
    }

    pub async fn send_headed(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Response {
        let mut request = awc::Client::default().request(method, format!("{}{path}", self.url));
        for header in headers {
            request = request.append_header(*header);
        }
        let mut response = request.send_body(body).await.expect("a response");
        let body = response.body().await.expect("a body").to_vec();
        Response { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub async fn get_with(&self, path: &str, token: &str) -> Response {
        self.get(path, &[&format!("Bearer {token}")]).await
    }
}

pub async fn hello(caller: Authenticated) -> String {
    format!("{} {} {:?}", caller.claims().name, caller.user_id(), caller.roles())
}

async fn open() -> &'static str {
    "open"
}

async fn maybe(MaybeAuthenticated(caller): MaybeAuthenticated) -> String {
    caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.claims().name.clone())
}

async fn admin(caller: Authenticated) -> Result<&'static str, Problem> {
    caller.require_role("admin")?;
    Ok("admin")
}

async fn fresh(caller: Authenticated) -> Result<&'static str, Problem> {
    caller.require_fresh(Duration::from_secs(300))?;
    Ok("fresh")
}

async fn strong(caller: Authenticated) -> Result<String, Problem> {
    caller.require_acr(Acr::Mfa, None)?;
    Ok(caller.acr().to_string())
}

async fn strong_and_fresh(caller: Authenticated) -> Result<String, Problem> {
    caller.require_acr(Acr::Mfa, Some(Duration::from_secs(300)))?;
    Ok(caller.acr().to_string())
}

pub async fn typed(caller: Authenticated<Plan>) -> String {
    caller.claims().custom.plan.clone()
}
