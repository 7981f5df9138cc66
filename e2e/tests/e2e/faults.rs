//! Tests of the fault proxy, which other tests depend on.

use awc::http::Method;
use serde_json::json;
use test_support::{COOKIE_NAME, Call, Response, client};

use crate::stack::{PASSWORD, Stack};
use test_support::fault_proxy::{Fate, Fault, FaultProxy};

const REFRESH: &str = "/auth/refresh";

async fn register_through(proxy: &FaultProxy) -> Response {
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let call = Call::new(Method::POST, format!("{}/auth/register", proxy.url()));
    call.json(&user).send().await.assert_status(201)
}

fn refresh_through(proxy: &FaultProxy, token: &str) -> Call {
    Call::new(Method::POST, format!("{}{REFRESH}", proxy.url())).cookie(token)
}

#[actix_web::test]
async fn a_lost_response_is_executed_and_a_retry_returns_the_same_successor() {
    let proxy = FaultProxy::start();
    let stack = Stack::behind(proxy.url());
    proxy.forward_to(&stack.start_auth().await.url);
    let token = register_through(&proxy).await.refresh_cookie().expect("a cookie");

    proxy.faults.set(Fault::LoseResponse, REFRESH, Some(1));
    let request = client().post(format!("{}{REFRESH}", proxy.url()));
    let lost = request.insert_header(("cookie", format!("{COOKIE_NAME}={token}"))).send().await;
    assert!(lost.is_err(), "no byte of a response");
    let generation = stack.database.db_text("SELECT CAST(generation AS TEXT) AS value FROM sessions");
    assert_eq!(generation, "1", "executed");
    let again = refresh_through(&proxy, &token).send().await.assert_status(200);
    assert_eq!(again.json()["rotation"], json!(1), "the same successor");

    let fates: Vec<_> = proxy.faults.log().into_iter().map(|one| (one.path, one.status, one.fate)).collect();
    let expected =
        [("/auth/register", 201, Fate::Passed), (REFRESH, 200, Fate::Lost), (REFRESH, 200, Fate::Passed)];
    assert_eq!(fates, expected.map(|(path, status, fate)| (path.to_owned(), status, fate)));
}

#[actix_web::test]
async fn a_rejected_request_never_reaches_the_server() {
    let proxy = FaultProxy::start();
    let stack = Stack::behind(proxy.url());
    proxy.forward_to(&stack.start_auth().await.url);
    let token = register_through(&proxy).await.refresh_cookie().expect("a cookie");

    proxy.faults.set(Fault::Reject, REFRESH, None);
    for _ in 0..2 {
        let rejected = refresh_through(&proxy, &token).send().await.assert_problem(503, "unavailable");
        assert_eq!(rejected.header("retry-after"), Some("1"));
    }
    assert_eq!(proxy.faults.reached(REFRESH), 0);

    proxy.faults.lift(Fault::Reject, REFRESH);
    let refreshed = refresh_through(&proxy, &token).send().await.assert_status(200);
    assert_eq!(refreshed.json()["rotation"], json!(1));
}

#[actix_web::test]
async fn held_responses_arrive_once_they_are_released() {
    let proxy = FaultProxy::start();
    let stack = Stack::behind(proxy.url());
    proxy.forward_to(&stack.start_auth().await.url);
    let token = register_through(&proxy).await.refresh_cookie().expect("a cookie");

    proxy.faults.set(Fault::Hold, REFRESH, None);
    let both = [refresh_through(&proxy, &token), refresh_through(&proxy, &token)]
        .map(|call| actix_web::rt::spawn(call.send()));
    while proxy.faults.reached(REFRESH) < 2 {
        actix_web::rt::task::yield_now().await;
    }
    assert!(both.iter().all(|call| !call.is_finished()), "no response has arrived");

    proxy.faults.lift(Fault::Hold, REFRESH);
    for call in both {
        assert_eq!(call.await.expect("a task").assert_status(200).json()["rotation"], json!(1));
    }
}

#[actix_web::test]
async fn requests_without_a_fault_pass_unchanged() {
    let proxy = FaultProxy::start();
    let stack = Stack::behind(proxy.url());
    let server = stack.start_auth().await;
    proxy.forward_to(&server.url);

    let path = "/.well-known/jwks.json";
    let through = Call::new(Method::GET, format!("{}{path}?a=b", proxy.url())).send().await;
    let straight = server.get(path).send().await;
    assert_eq!((through.status, &through.body), (straight.status, &straight.body));
    for name in ["content-type", "cache-control", "x-content-type-options"] {
        assert_eq!(through.header(name), straight.header(name), "{name}");
        assert!(through.header(name).is_some(), "{name}");
    }

    let foreign = Call::new(Method::POST, format!("{}{REFRESH}", proxy.url()));
    foreign.header("origin", "https://evil.example").send().await.assert_problem(403, "origin_not_allowed");
}
