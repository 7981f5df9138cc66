//! The part of an auth server that this server uses: metadata, keys, revocations and tokens.

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::json;
use shared_claims::testing::{ManualClock, SigningKey, access_claims, jwk_set};
use shared_claims::{AccessClaims, Algorithm, Clock};
use test_support::free_address;

pub struct Issuer {
    pub url: String,
    pub key: SigningKey,
    clock: ManualClock,
    server: Option<ServerHandle>,
}

impl Issuer {
    /// Has an address and a key, and does not listen yet.
    pub fn not_started(clock: &ManualClock) -> Self {
        let key = SigningKey::generate(Algorithm::Es256);
        Self { url: format!("http://{}", free_address()), key, clock: clock.clone(), server: None }
    }

    pub fn started(clock: &ManualClock) -> Self {
        let mut issuer = Self::not_started(clock);
        issuer.start();
        issuer
    }

    pub fn start(&mut self) {
        let metadata = json!({"issuer": self.url, "jwks_uri": format!("{}/keys", self.url)});
        let keys = jwk_set(&[&self.key]);
        let nothing = json!({"cursor": "a.0", "snapshot": true, "sessions": [], "users": [], "keys": []});
        let server = HttpServer::new(move || {
            let (metadata, keys, nothing) = (metadata.clone(), keys.clone(), nothing.clone());
            App::new()
                .route(
                    "/.well-known/oauth-authorization-server",
                    web::get().to(move || {
                        let response = HttpResponse::Ok().json(&metadata);
                        async { response }
                    }),
                )
                .route(
                    "/revocations",
                    web::get().to(move || {
                        let response = HttpResponse::Ok().json(&nothing);
                        async { response }
                    }),
                )
                .route(
                    "/keys",
                    web::get().to(move || {
                        let response = HttpResponse::Ok().json(&keys);
                        async { response }
                    }),
                )
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(0)
        .bind(self.address())
        .expect("the issuer's port")
        .run();
        self.server = Some(server.handle());
        actix_web::rt::spawn(server);
    }

    pub async fn stop(&mut self) {
        self.server.take().expect("a started issuer").stop(false).await;
    }

    /// The claims of Ada right after a login.
    pub fn claims(&self) -> AccessClaims {
        access_claims(&self.url, "api", self.clock.now())
    }

    pub fn token(&self) -> String {
        self.key.access_token(&self.claims())
    }

    pub fn token_with_roles(&self, roles: &[&str]) -> String {
        let roles = roles.iter().map(ToString::to_string).collect();
        self.key.access_token(&AccessClaims { roles, ..self.claims() })
    }

    fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().expect("an address")
    }
}
