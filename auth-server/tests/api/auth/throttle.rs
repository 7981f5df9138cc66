//! Limits on wrong passwords, per user and origin.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, Session, TestApp};

const HOME: &str = "203.0.113.7";
const STRANGER: &str = "198.51.100.1";

/// A server behind a proxy that sends the client's address.
async fn start() -> TestApp {
    TestApp::with(&["--trusted-proxies", "127.0.0.1", "--login-rate-per-ip", "1000000"]).await
}

async fn log_in_as(app: &TestApp, from: &str, name: &Value, password: &str) -> Response {
    let mut body = name.clone();
    body["password"] = json!(password);
    app.post("/auth/login").header("x-forwarded-for", from).json(&body).send().await
}

async fn log_in(app: &TestApp, from: &str, password: &str) -> Response {
    log_in_as(app, from, &json!({"email": "ann@example.org"}), password).await
}

fn wait(response: Response) -> i64 {
    let response = response.assert_problem(429, "too_many_requests");
    let seconds: i64 = response.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(response.json()["retry_after"], json!(seconds));
    seconds
}

#[actix_web::test]
async fn after_five_failures_each_wait_doubles_up_to_a_minute() {
    let app = start().await;
    app.register("ann").await;
    for _ in 0..5 {
        log_in(&app, STRANGER, "wrong").await.assert_problem(401, "invalid_credentials");
    }
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        // The right password makes no difference, and rejected attempts do not extend the wait.
        assert_eq!(wait(log_in(&app, STRANGER, PASSWORD).await), seconds);
        app.advance(TimeDelta::milliseconds(seconds * 1000 - 1));
        assert_eq!(wait(log_in(&app, STRANGER, "wrong").await), 1);
        app.advance(TimeDelta::milliseconds(1));
        log_in(&app, STRANGER, "wrong").await.assert_problem(401, "invalid_credentials");
    }
    // From another address, the owner logs in immediately.
    log_in(&app, HOME, PASSWORD).await.assert_status(200);
    assert_eq!(wait(log_in(&app, STRANGER, PASSWORD).await), 60);
}

#[actix_web::test]
async fn failures_are_forgotten_after_15_minutes_or_a_success() {
    let app = start().await;
    app.register("ann").await;
    for _ in 0..2 {
        for _ in 0..5 {
            log_in(&app, STRANGER, "wrong").await.assert_status(401);
        }
        wait(log_in(&app, STRANGER, "wrong").await);
        app.advance(TimeDelta::minutes(15));
    }
    for _ in 0..3 {
        for _ in 0..4 {
            log_in(&app, STRANGER, "wrong").await.assert_status(401);
        }
        log_in(&app, STRANGER, PASSWORD).await.assert_status(200);
    }
}

#[actix_web::test]
async fn failures_recorded_by_a_fast_clock_do_not_block_logins() {
    let app = start().await;
    app.register("ann").await;
    app.advance(TimeDelta::days(1));
    for _ in 0..5 {
        log_in(&app, HOME, "wrong").await.assert_status(401);
    }
    app.register("bob").await;
    let bob = json!({"email": "bob@example.org"});
    attack(&app, &bob).await;
    app.advance(TimeDelta::days(-1));
    log_in(&app, HOME, PASSWORD).await.assert_status(200);
    log_in_as(&app, STRANGER, &bob, PASSWORD).await.assert_status(200);
}

#[actix_web::test]
async fn unknown_names_are_throttled_like_known_ones() {
    let app = start().await;
    app.register("ann").await;
    let attempts = async |name: Value| {
        let mut seen = Vec::new();
        for step in 0..12 {
            let response = log_in_as(&app, STRANGER, &name, "wrong").await;
            let retry_after = response.header("retry-after").map(str::to_owned);
            seen.push((response.status, response.json()["detail"].clone(), retry_after));
            app.advance(TimeDelta::milliseconds(step * 300));
        }
        seen
    };
    let known = attempts(json!({"email": "ann@example.org"})).await;
    assert!(known.iter().any(|(status, ..)| *status == 429));
    assert_eq!(attempts(json!({"email": "unknown@example.org"})).await, known);
    assert_eq!(attempts(json!({"username": "unknown"})).await, known);
}

#[actix_web::test]
async fn concurrent_guesses_get_only_five_attempts() {
    let app = TestApp::with(&["--login-rate-per-ip", "1000000", "--workers", "2"]).await;
    app.register("ann").await;
    let other = app.another().await;
    let guess = |app: &TestApp, number: usize| {
        let body = json!({"email": "ann@example.org", "password": format!("guess number {number}")});
        app.post("/auth/login").json(&body).send()
    };
    let guesses = (0..200).map(|number| guess(if number % 2 == 0 { &app } else { &other }, number));
    let responses = futures_util::future::join_all(guesses).await;
    let tried = responses.iter().filter(|response| response.status == 401).count();
    let rejected = responses.iter().filter(|response| response.status == 429).count();
    assert_eq!((tried, rejected), (5, 195));
}

#[actix_web::test]
async fn many_concurrent_logins_with_the_right_password_succeed() {
    let app = TestApp::with(&["--workers", "2"]).await;
    app.register("ann").await;
    let no_more = json!({});
    let logins = futures_util::future::join_all((0..30).map(|_| app.try_login("ann", &no_more))).await;
    assert!(logins.iter().all(|response| response.status == 200));
    assert!(app.database.db_texts("SELECT account AS value FROM password_failures").is_empty());
}

#[actix_web::test]
async fn failures_of_other_password_checks_count_too() {
    let app = start().await;
    let session = app.register("ann").await;
    let call = |path: &str, body: Value| {
        app.post(path).cookie(&session.refresh_token).header("x-forwarded-for", HOME).json(&body).send()
    };
    let change = json!({"current_password": "wrong", "new_password": "an entirely different staple"});
    let again = json!({"password": "wrong"});
    for _ in 0..2 {
        call("/auth/password", change.clone()).await.assert_problem(401, "invalid_credentials");
        call("/auth/reauthenticate", again.clone()).await.assert_problem(401, "invalid_credentials");
    }
    log_in(&app, HOME, "wrong").await.assert_status(401);
    wait(call("/auth/reauthenticate", json!({"password": PASSWORD})).await);
    wait(call("/auth/password", change).await);
    wait(log_in(&app, HOME, PASSWORD).await);
    // The session itself is not affected.
    app.refresh(&session.refresh_token).await.assert_status(200);
}

/// Fails a hundred logins from many addresses.
async fn attack(app: &TestApp, name: &Value) {
    for number in 0..25 {
        let from = format!("2001:db8:{number:x}::1");
        for _ in 0..4 {
            log_in_as(app, &from, name, "wrong").await.assert_problem(401, "invalid_credentials");
        }
    }
}

#[actix_web::test]
async fn during_a_distributed_attack_only_known_devices_may_try() {
    let app = start().await;
    app.register("ann").await;
    let name = json!({"email": "ann@example.org"});
    let at_home = log_in(&app, HOME, PASSWORD).await.assert_status(200);
    let device = format!("__Host-device={}", at_home.device_cookie().unwrap());

    attack(&app, &name).await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let from = |address: &str| app.post("/auth/login").header("x-forwarded-for", address).json(&body);
    // All others are rejected, with any password and with an invented device cookie.
    assert_eq!(wait(from(STRANGER).send().await), 3600);
    assert_eq!(
        wait(from(STRANGER).header("cookie", "__Host-device=AAAAAAAAAAAAAAAAAAAAAA").send().await),
        3600
    );
    // So are others at the home address: a different response would reveal that the user logs in there.
    assert_eq!(wait(from(HOME).send().await), 3600);
    // The device is accepted from any address.
    for address in [HOME, "192.0.2.99"] {
        from(address).header("cookie", &device).send().await.assert_status(200);
    }
    // The others wait for an hour.
    app.advance(TimeDelta::minutes(59));
    assert_eq!(wait(from(STRANGER).send().await), 60);
    app.advance(TimeDelta::minutes(1));
    from(STRANGER).send().await.assert_status(200);
}

#[actix_web::test]
async fn during_a_distributed_attack_responses_do_not_depend_on_the_name_or_the_address() {
    let app = start().await;
    app.register("ann").await;
    log_in(&app, HOME, PASSWORD).await.assert_status(200);
    let known = json!({"email": "ann@example.org"});
    let mut seen = Vec::new();
    for name in [&known, &json!({"email": "unknown@example.org"}), &json!({"username": "unknown"})] {
        attack(&app, name).await;
        for address in [HOME, STRANGER, "2001:db8::1"] {
            let response = log_in_as(&app, address, name, "wrong").await;
            let headers =
                ["retry-after", "cache-control"].map(|name| response.header(name).map(str::to_owned));
            seen.push((response.status, headers, response.text()));
        }
    }
    assert_eq!(seen[0].0, 429);
    assert!(seen.iter().all(|response| *response == seen[0]), "{seen:?}");
}

#[actix_web::test]
async fn concurrent_guesses_from_everywhere_at_three_servers_get_only_a_hundred_attempts() {
    let app = start().await;
    app.register("ann").await;
    let others = [app.another().await, app.another().await];
    let servers = [&app, &others[0], &others[1]];
    let mut statuses = Vec::new();
    // Few enough at a time for the hashing queue.
    for round in 0..10 {
        let guesses = (0..30).map(|number: usize| async move {
            let address = format!("198.51.{round}.{number}");
            log_in(servers[number % 3], &address, "wrong").await.status
        });
        statuses.extend(futures_util::future::join_all(guesses).await);
    }
    let count = |status| statuses.iter().filter(|seen| **seen == status).count();
    assert_eq!((count(401), count(429)), (100, 200), "{statuses:?}");
}

#[actix_web::test]
async fn correct_passwords_are_not_counted_as_failures_at_all_origins() {
    let app = start().await;
    app.register("ann").await;
    let failed = || {
        let all = "SELECT CAST(failures AS TEXT) AS value FROM password_failures WHERE place = ''";
        app.database.db_texts(all)
    };
    for host in 0..120 {
        log_in(&app, &format!("192.0.2.{host}"), PASSWORD).await.assert_status(200);
    }
    assert!(failed().is_empty());
    for host in 0..99 {
        log_in(&app, &format!("192.0.2.{host}"), "wrong").await.assert_status(401);
    }
    log_in(&app, STRANGER, PASSWORD).await.assert_status(200);
    assert_eq!(failed(), ["99"]);
    log_in(&app, HOME, "wrong").await.assert_status(401);
    wait(log_in(&app, STRANGER, PASSWORD).await);
}

#[actix_web::test]
async fn the_twenty_latest_devices_are_known() {
    let app = start().await;
    app.register("ann").await;
    let mut devices = Vec::new();
    for _ in 0..21 {
        app.advance(TimeDelta::seconds(1));
        devices.push(log_in(&app, HOME, PASSWORD).await.assert_status(200).device_cookie().unwrap());
    }
    attack(&app, &json!({"email": "ann@example.org"})).await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let on = |device: &str| {
        app.post("/auth/login").header("cookie", &format!("__Host-device={device}")).json(&body).send()
    };
    wait(on(&devices[0]).await);
    for device in &devices[1..] {
        on(device).await.assert_status(200);
    }
}

#[actix_web::test]
async fn a_known_device_has_its_own_failure_count() {
    let app = start().await;
    app.register("ann").await;
    let device = log_in(&app, HOME, PASSWORD).await.assert_status(200).device_cookie().unwrap();
    for _ in 0..5 {
        log_in(&app, HOME, "wrong").await.assert_status(401);
    }
    wait(log_in(&app, HOME, PASSWORD).await);
    let with_device = |password: &str| {
        let body = json!({"email": "ann@example.org", "password": password});
        let call = app.post("/auth/login").header("x-forwarded-for", HOME).json(&body);
        call.header("cookie", &format!("__Host-device={device}")).send()
    };
    for _ in 0..5 {
        with_device("wrong").await.assert_status(401);
    }
    wait(with_device(PASSWORD).await);
    app.advance(TimeDelta::seconds(1));
    let again = with_device(PASSWORD).await.assert_status(200);
    assert_eq!(again.device_cookie(), Some(device));
}

#[actix_web::test]
async fn a_device_is_known_only_for_users_who_logged_in_on_it() {
    let app = start().await;
    let ann = app.register("ann").await;
    app.register("bob").await;
    let device = log_in(&app, HOME, PASSWORD).await.device_cookie().unwrap();
    // A login must not make a planted device cookie known, because the attacker has its value.
    let body = json!({"email": "bob@example.org", "password": PASSWORD});
    let call = app.post("/auth/login").header("cookie", &format!("__Host-device={device}")).json(&body);
    let response = call.send().await.assert_status(200);
    assert_ne!(response.device_cookie(), Some(device));
    // Clients without cookies get no device cookie either.
    let response = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    assert!(response.device_cookie().is_none());
    assert!(Session::of(&app.refresh(&ann.refresh_token).await).rotation == 1);
}

#[actix_web::test]
async fn a_password_change_does_not_make_a_planted_device_known() {
    const PLANTED: &str = "__Host-device=AAAAAAAAAAAAAAAAAAAAAA";
    const NEW: &str = "an entirely different staple";
    let app = start().await;
    let ann = app.register("ann").await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    let cookies = format!("__Host-refresh_token={}; {PLANTED}", ann.refresh_token);
    app.post("/auth/password").header("cookie", &cookies).json(&change).send().await.assert_status(200);
    attack(&app, &json!({"email": "ann@example.org"})).await;
    let body = json!({"email": "ann@example.org", "password": NEW});
    let call = app.post("/auth/login").header("x-forwarded-for", STRANGER).json(&body);
    wait(call.header("cookie", PLANTED).send().await);
}

#[actix_web::test]
async fn text_typed_as_a_name_is_not_stored() {
    let app = start().await;
    let password_as_name = json!({"username": "tr0ub4dor-and-3"});
    log_in_as(&app, STRANGER, &password_as_name, "wrong").await.assert_status(401);
    assert!(!app.database.db_dump().contains("tr0ub4dor"));
}

#[actix_web::test]
async fn the_owner_can_log_in_during_a_thousand_guesses_by_a_stranger() {
    let app = TestApp::with(&[
        "--trusted-proxies",
        "127.0.0.1",
        "--login-rate-per-ip",
        "1000000",
        "--workers",
        "2",
    ])
    .await;
    app.register("ann").await;
    let guesses = async {
        let mut counts = [0, 0];
        for round in 0..20 {
            let app = &app;
            let some = (0..50).map(move |number| async move {
                log_in(app, STRANGER, &format!("guess {}", round * 50 + number)).await.status
            });
            for status in futures_util::future::join_all(some).await {
                counts[usize::from(status == 429)] += 1;
                assert!(matches!(status, 401 | 429), "{status}");
            }
        }
        counts
    };
    let owner = async {
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..10 {
            let started = std::time::Instant::now();
            log_in(&app, HOME, PASSWORD).await.assert_status(200);
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let (counts, slowest) = futures_util::future::join(guesses, owner).await;
    println!(
        "1,000 guesses: {} tried, {} rejected; the owner's slowest of ten logins took {slowest:?}",
        counts[0], counts[1]
    );
    assert_eq!(counts, [5, 995]);
}
