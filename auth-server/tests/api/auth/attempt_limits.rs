//! Limits on attempts, per address and known device.

use std::time::Duration;

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, TestApp};

/// A server behind a proxy that sends the client's address, with this many attempts per minute and address.
async fn start(attempts: &str) -> TestApp {
    TestApp::with(&["--trusted-proxies", "127.0.0.1", "--login-rate-per-ip", attempts]).await
}

async fn log_in(app: &TestApp, from: &str, name: &str, password: &str) -> Response {
    let body = json!({"email": format!("{name}@example.org"), "password": password});
    app.post("/auth/login").header("x-forwarded-for", from).json(&body).send().await
}

async fn log_in_on(app: &TestApp, device: &str, name: &str, password: &str) -> Response {
    let body = json!({"email": format!("{name}@example.org"), "password": password});
    let call = app.post("/auth/login").header("x-forwarded-for", HOME).json(&body);
    call.header("cookie", &format!("__Host-device={device}")).send().await
}

const HOME: &str = "203.0.113.7";

/// Uses up the attempts of the address, with names of users and with unknown names.
async fn use_up(app: &TestApp, from: &str) {
    for number in 0..100 {
        let response = log_in(app, from, ["ann", "bob", "unknown"][number % 3], "wrong").await;
        if response.status == 429 {
            response.assert_problem(429, "too_many_requests");
            return;
        }
    }
    panic!("no limit");
}

#[actix_web::test]
async fn requests_that_never_reach_a_password_are_not_counted() {
    let app = TestApp::with(&["--login-rate-per-ip", "3"]).await;
    app.register("ann").await;
    let good = json!({"email": "ann@example.org", "password": PASSWORD});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let session = app.log_in("ann").await;
    for _ in 0..4 {
        for path in ["/auth/login", "/auth/register"] {
            let send = |body: &Value| app.post(path).json(body).send();
            send(&json!({"email": "x"})).await.assert_problem(422, "invalid_input");
            send(&json!({"email": "x", "password": PASSWORD})).await.assert_problem(422, "invalid_input");
            send(&json!([])).await.assert_problem(400, "malformed_request");
            send(&with("password", json!(1))).await.assert_problem(400, "malformed_request");
            send(&with("pasword", json!("x"))).await.assert_problem(422, "invalid_input");
            send(&with("token_delivery", json!("x"))).await.assert_problem(422, "invalid_input");
            send(&with("audience", json!("x"))).await.assert_problem(422, "invalid_input");
            let text = app.post(path).header("content-type", "text/plain").raw("x");
            text.send().await.assert_problem(415, "unsupported_media_type");
            let foreign = app.post(path).header("origin", "https://evil.example").json(&good);
            foreign.send().await.assert_problem(403, "origin_not_allowed");
            app.get(path).send().await.assert_problem(405, "method_not_allowed");
        }
        for path in ["/auth/password", "/auth/reauthenticate"] {
            app.post(path).json(&json!({"password": "x"})).send().await;
            app.post(path).cookie(&session.refresh_token).json(&json!({})).send().await.assert_status(422);
        }
        let rename = app.call(awc::http::Method::PATCH, "/auth/me").cookie(&session.refresh_token);
        rename.json(&json!({"username": "a b"})).send().await.assert_problem(422, "invalid_input");
        // The registration was counted, and the login was not.
        app.try_login("ann", &json!({})).await.assert_status(200);
    }
    app.try_login("ann", &json!({"password": "wrong"})).await.assert_status(401);
    app.try_login("bob", &json!({"password": "wrong"})).await.assert_status(401);
    app.try_login("cid", &json!({"password": "wrong"})).await.assert_problem(429, "too_many_requests");
    // They get the same responses as before.
    let malformed = app.post("/auth/login").json(&json!({"email": "x"})).send().await;
    malformed.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn requests_that_never_reach_a_password_leave_the_total_of_their_network_to_others() {
    let app = start("2").await;
    app.register("ann").await;
    app.register("bob").await;
    let device = log_in(&app, HOME, "ann", PASSWORD).await.device_cookie().unwrap();
    let of_neighbour = log_in(&app, HOME, "bob", PASSWORD).await.device_cookie().unwrap();
    let wrong_audience = async |path: &str, from: &str| {
        let body = json!({"email": "bob@example.org", "password": PASSWORD, "audience": "x"});
        let call = app.post(path).header("x-forwarded-for", from).json(&body);
        let call = call.header("cookie", &format!("__Host-device={of_neighbour}"));
        call.send().await.assert_problem(422, "invalid_input");
    };
    for path in ["/auth/login", "/auth/register"] {
        for _ in 0..25 {
            wrong_audience(path, "2001:db8:1::1").await;
        }
    }
    log_in(&app, "2001:db8:1:2::1", "ann", PASSWORD).await.assert_status(200);
    // The same on a known device, once the address has no attempt left.
    use_up(&app, HOME).await;
    for _ in 0..25 {
        wrong_audience("/auth/login", HOME).await;
    }
    log_in_on(&app, &device, "ann", PASSWORD).await.assert_status(200);
}

#[actix_web::test]
async fn registrations_are_not_counted_while_registration_is_closed() {
    let app = TestApp::with(&["--login-rate-per-ip", "1", "--registration", "closed"]).await;
    for _ in 0..3 {
        let user = json!({"email": "ann@example.org", "password": PASSWORD});
        app.post("/auth/register").json(&user).send().await.assert_problem(403, "registration_closed");
    }
    app.try_login("ann", &json!({})).await.assert_status(401);
    app.try_login("ann", &json!({})).await.assert_status(429);
}

#[actix_web::test]
async fn successful_logins_are_not_counted_and_registrations_are() {
    let app = start("3").await;
    app.register("ann").await;
    for _ in 0..10 {
        log_in(&app, HOME, "ann", PASSWORD).await.assert_status(200);
    }
    for _ in 0..3 {
        log_in(&app, HOME, "ann", "wrong").await.assert_status(401);
    }
    log_in(&app, HOME, "ann", PASSWORD).await.assert_problem(429, "too_many_requests");
    let register = async |name: &str| {
        let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        app.post("/auth/register").header("x-forwarded-for", "192.0.2.1").json(&user).send().await
    };
    for name in ["bob", "cid", "dan"] {
        register(name).await.assert_status(201);
    }
    register("eve").await.assert_problem(429, "too_many_requests");
}

#[actix_web::test]
async fn a_neighbour_behind_the_same_address_cannot_lock_out_a_known_device() {
    let app = start("3").await;
    app.register("ann").await;
    app.register("bob").await;
    let device = log_in(&app, HOME, "ann", PASSWORD).await.device_cookie().unwrap();
    use_up(&app, HOME).await;
    log_in(&app, HOME, "ann", PASSWORD).await.assert_status(429);
    for _ in 0..10 {
        log_in_on(&app, &device, "ann", PASSWORD).await.assert_status(200);
    }
    // The device helps with no other name, and an invented one with none.
    log_in_on(&app, &device, "bob", PASSWORD).await.assert_status(429);
    log_in_on(&app, &device, "unknown", PASSWORD).await.assert_status(429);
    log_in_on(&app, "AAAAAAAAAAAAAAAAAAAAAA", "ann", PASSWORD).await.assert_status(429);
    // It has as many attempts as an address.
    for _ in 0..3 {
        log_in_on(&app, &device, "ann", "wrong").await.assert_status(401);
    }
    log_in_on(&app, &device, "ann", PASSWORD).await.assert_problem(429, "too_many_requests");
}

#[actix_web::test]
async fn a_neighbour_with_many_known_devices_cannot_use_up_the_total_of_the_network() {
    let app = start("2").await;
    app.register("ann").await;
    app.register("bob").await;
    let device = log_in(&app, HOME, "ann", PASSWORD).await.device_cookie().unwrap();
    let mut of_neighbour = Vec::new();
    for _ in 0..12 {
        of_neighbour.push(log_in(&app, HOME, "bob", PASSWORD).await.device_cookie().unwrap());
    }
    use_up(&app, HOME).await;
    for device in of_neighbour.iter().flat_map(|device| [device; 2]) {
        log_in_on(&app, device, "bob", "wrong").await;
    }
    log_in_on(&app, &device, "ann", PASSWORD).await.assert_status(200);
}

#[actix_web::test]
async fn a_user_behind_an_address_without_attempts_can_still_enter_the_password_in_a_session() {
    let app = start("3").await;
    let ann = app.register("ann").await;
    use_up(&app, HOME).await;
    let body = json!({"password": PASSWORD});
    let call = app.post("/auth/reauthenticate").header("x-forwarded-for", HOME).cookie(&ann.refresh_token);
    call.json(&body).send().await.assert_status(200);
}

#[actix_web::test]
async fn successful_logins_are_limited_per_address_too() {
    let app = start("2").await;
    app.register("ann").await;
    let mut logins = 0;
    while log_in(&app, HOME, "ann", PASSWORD).await.status == 200 {
        logins += 1;
    }
    // Ten times as many as failures, and one more every three seconds.
    assert!((20..40).contains(&logins), "{logins}");
    // The twenty latest devices are known, and each login was on a new one.
    app.advance(TimeDelta::seconds(1));
    let elsewhere = log_in(&app, "192.0.2.1", "ann", PASSWORD).await.assert_status(200);
    let device = elsewhere.device_cookie().unwrap();
    log_in_on(&app, &device, "ann", PASSWORD).await.assert_status(200);
}

#[actix_web::test]
async fn ipv6_networks_have_a_larger_limit_than_their_subnets() {
    let app = start("2").await;
    let attempt = async |address: &str| log_in(&app, address, "unknown", "wrong").await.status;
    let mut subnets = 0;
    while attempt(&format!("2001:db8:1:{subnets:x}::1")).await == 401 {
        subnets += 1;
    }
    assert!((20..40).contains(&subnets), "{subnets}");
    assert_eq!(attempt("2001:db8:2:aaaa::1").await, 401);
    assert_eq!(attempt("2001:db8:2:aaaa::2").await, 401);
    assert_eq!(attempt("2001:db8:2:aaaa::3").await, 429);
}

#[actix_web::test]
async fn a_flood_with_invented_device_cookies_leaves_database_connections_to_others() {
    let app = start("1").await;
    let ann = app.register("ann").await;
    use_up(&app, HOME).await;
    // Lookups of devices wait for this transaction, on PostgreSQL.
    let lock = app.database.db_begin("ALTER TABLE familiar_places RENAME TO gone");
    let flood = (0..20).map(|_| log_in_on(&app, "AAAAAAAAAAAAAAAAAAAAAA", "ann", "wrong"));
    let flood = futures_util::future::join_all(flood);
    let other = async {
        sleep(Duration::from_millis(300)).await;
        let started = std::time::Instant::now();
        app.me(&ann.refresh_token).await.assert_status(200);
        drop(lock);
        started.elapsed()
    };
    let (responses, elapsed) = futures_util::future::join(flood, other).await;
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert!(responses.iter().all(|response| matches!(response.status, 429 | 503)));
}
