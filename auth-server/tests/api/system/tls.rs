//! A server with a certificate of its own.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::rt::time::sleep;
use awc::http::Method;
use serde_json::json;
use test_support::{Call, Certificate, Program, TestDatabase};

use crate::app::{KEY_SECRET, PASSWORD, REFRESH_SECRET};
use crate::{command, program};

/// A server, and the client that trusts it.
struct TlsApp {
    database: TestDatabase,
    certificate: Certificate,
    client: awc::Client,
    program: Program,
}

impl TlsApp {
    async fn start() -> Self {
        let (database, certificate) = (TestDatabase::fresh(), Certificate::new());
        let files = certificate.variables();
        let program = program::spawn(&database, &variables(&files));
        let app = Self { client: certificate.client(), database, certificate, program };
        for _ in 0..1000 {
            if app.call(Method::GET, "/healthz").try_send().await.is_ok() {
                return app;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("{}", app.program.kill())
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call::through(&self.client, method, format!("https://{}{path}", self.program.address))
    }
}

fn variables<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    let files = files.iter().map(|(name, path)| (*name, path.as_str()));
    files.chain([("ISSUER", "https://auth.example.org"), ("ARGON2_MEMORY_KIB", "8")]).collect()
}

#[actix_web::test]
async fn a_session_over_tls_has_secure_cookies() {
    let app = TlsApp::start().await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let registered = app.call(Method::POST, "/auth/register").json(&user).send().await.assert_status(201);
    assert_eq!(registered.header("strict-transport-security"), Some("max-age=31536000"));
    let cookie = registered.set_cookie().expect("a cookie");
    assert!(cookie.starts_with("__Host-refresh_token=") && cookie.contains("; Secure"), "{cookie}");
    let token = registered.refresh_cookie().expect("a token");
    let refreshed = app.call(Method::POST, "/auth/refresh").cookie(&token).send().await.assert_status(200);
    let token = refreshed.refresh_cookie().expect("a token");
    app.call(Method::GET, "/auth/me").cookie(&token).send().await.assert_status(200);
    Call::new(Method::GET, format!("http://{}/healthz", app.program.address))
        .try_send()
        .await
        .expect_err("no response to plain HTTP");
    let log = app.program.kill();
    assert!(log.contains(" with TLS"), "{log}");
}

#[actix_web::test]
async fn the_health_check_and_the_check_know_about_tls() {
    let app = TlsApp::start().await;
    let files = app.certificate.variables();
    let address: SocketAddr = app.program.address;
    let bind_addr = address.to_string();
    let health = [&variables(&files)[..], &[("BIND_ADDR", &bind_addr)]].concat();
    let healthy = command::run(&app.database, &["healthcheck"], &health);
    healthy.assert_succeeded();
    assert_eq!(healthy.out, "ready\n");

    let secrets = [("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    let check = |files: &[(&'static str, String)]| {
        command::run(&app.database, &["check"], &[&variables(files)[..], &secrets].concat())
    };
    let checked = check(&files);
    checked.assert_succeeded();
    assert!(checked.out.contains("TLS: the certificate is valid until 4096-01-01"), "{}", checked.out);
    let mut mismatched = files;
    let other = Certificate::new();
    mismatched[1] = other.variables()[1].clone();
    let rejected = check(&mismatched);
    rejected.assert_rejected("a server would not start: 1 check failed");
    assert!(rejected.out.contains("TLS: TLS_KEY_FILE: the key in"), "{}", rejected.out);
    assert!(rejected.out.contains("does not belong to the first certificate in"), "{}", rejected.out);
}
