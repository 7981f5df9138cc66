//! Request ids in responses and log lines.

use crate::api::Api;
use crate::healthcheck;
use crate::issuer::Issuer;
use shared_claims::testing::ManualClock;

#[actix_web::test]
async fn every_response_has_an_id_and_a_trusted_proxy_can_choose_it() {
    let api = Api::ready().await;
    let mut ids = Vec::new();
    for path in ["/healthz", "/nowhere", "/protected", "/greeting"] {
        let response = api.get(path, &[("x-request-id", "given")]).await;
        ids.push(response.header("x-request-id").expect(path).to_owned());
    }
    ids.sort();
    ids.dedup();
    assert!(ids.len() == 4 && !ids.iter().any(|id| id == "given"), "{ids:?}");

    let api = Api::ready_with(&["--trusted-proxies", "127.0.0.1"]).await;
    let response = api.get("/protected", &[("x-request-id", "given")]).await;
    assert_eq!(response.header("x-request-id"), Some("given"));
}

#[actix_web::test]
async fn log_lines_contain_the_request_id() {
    let issuer = Issuer::started(&ManualClock::new());
    let variables = [("TRUSTED_PROXIES", "127.0.0.1"), ("RUST_LOG", "")];
    let program = healthcheck::start(&issuer, &variables).await;
    let headers =
        [("x-request-id", "id-of-mine"), ("x-forwarded-for", "203.0.113.7"), ("authorization", "Bearer x")];
    let request = program.get("/protected?token=not-for-the-log");
    headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)).send().await;
    let log = program.kill();
    let of_it: Vec<&str> = log.lines().filter(|line| line.contains(" [id-of-mine] ")).collect();
    assert_eq!(of_it.len(), 2, "{log}");
    assert!(of_it[0].contains("rejected an access token"), "{log}");
    assert!(
        of_it[1].contains(" access [id-of-mine] GET /protected ") && of_it[1].ends_with(" ms 203.0.113.7")
    );
    assert!(!log.contains("not-for-the-log"), "{log}");
}
