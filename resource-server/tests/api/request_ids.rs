//! Each request has a name, by which its answer and its log lines are found again.

use crate::api::Api;
use crate::healthcheck;
use crate::issuer::Issuer;
use shared_claims::testing::ManualClock;

#[actix_web::test]
async fn every_answer_carries_an_id_which_a_trusted_proxy_may_have_made() {
    let api = Api::ready().await;
    let mut ids = Vec::new();
    for path in ["/healthz", "/nowhere", "/protected", "/greeting"] {
        let answer = api.get(path, &[("x-request-id", "given")]).await;
        ids.push(answer.header("x-request-id").expect(path).to_owned());
    }
    ids.sort();
    ids.dedup();
    assert!(ids.len() == 4 && !ids.iter().any(|id| id == "given"), "{ids:?}");

    let api = Api::ready_with(&["--trusted-proxies", "127.0.0.1"]).await;
    let answer = api.get("/protected", &[("x-request-id", "given")]).await;
    assert_eq!(answer.header("x-request-id"), Some("given"));
}

#[actix_web::test]
async fn log_lines_tell_which_request_they_are_about() {
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
