use std::time::Duration;

use actix_web::rt::time::sleep;
use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, Session, TestApp, claims, security_log};
use crate::auth::password_checks::SLOW_HASH;

const NEW: &str = "an entirely different staple";
const KEY: &str = "0123456789abcdefghijklmnop";
/// Past the grace of ten seconds.
const LATER: TimeDelta = TimeDelta::seconds(11);

async fn change(app: &TestApp, session: &Session, body: &Value) -> Response {
    app.post("/auth/password").cookie(&session.refresh_token).json(body).send().await
}

fn from_to(current: &str, new: &str) -> Value {
    json!({"current_password": current, "new_password": new})
}

#[actix_web::test]
async fn a_new_password_ends_other_sessions_and_allows_new_logins() {
    let app = TestApp::start().await;
    let other = app.register("ann").await;
    let here = app.log_in("ann").await;

    let changed = Session::of(&change(&app, &here, &from_to(PASSWORD, NEW)).await.assert_status(200));
    assert_eq!((changed.rotation, &claims(&changed.access_token)["uv"]), (1, &json!(2)));

    app.refresh(&other.refresh_token).await.assert_ended("password_changed");
    app.get("/auth/me").bearer(&here.access_token).send().await.assert_problem(401, "token_stale");
    let next = Session::of(&app.refresh(&changed.refresh_token).await.assert_status(200));
    assert_eq!(claims(&next.access_token)["uv"], json!(2));
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    app.try_login("ann", &json!({"password": NEW})).await.assert_status(200);
    assert_eq!(security_log(&here), ["login_succeeded", "password_changed"]);
    assert_eq!(security_log(&other), ["registered", "session_ended"]);
}

#[actix_web::test]
async fn other_sessions_can_be_kept() {
    let app = TestApp::start().await;
    let other = app.register("ann").await;
    let here = app.log_in("ann").await;
    let mut body = from_to(PASSWORD, NEW);
    body["end_other_sessions"] = json!(false);
    change(&app, &here, &body).await.assert_status(200);
    app.refresh(&other.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_wrong_weak_or_unchanged_password_changes_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let response = change(&app, &session, &from_to("wrong", NEW)).await;
    let response = response.assert_problem(401, "invalid_credentials");
    assert_eq!(response.header("www-authenticate"), Some(r#"Bearer realm="latchkey""#));
    assert!(response.set_cookie().is_none());
    for (new, why) in
        [("short", "9 characters"), ("ann@example.org1", "guess"), (PASSWORD, "current password")]
    {
        let response =
            change(&app, &session, &from_to(PASSWORD, new)).await.assert_problem(422, "invalid_input");
        let message = response.json()["fields"]["new_password"].as_str().unwrap().to_owned();
        assert!(message.contains(why), "{message}");
    }
    app.post("/auth/password")
        .json(&from_to(PASSWORD, NEW))
        .send()
        .await
        .assert_problem(401, "missing_token");
    let stolen = app.post("/auth/password").bearer(&session.access_token).json(&from_to(PASSWORD, NEW));
    stolen.send().await.assert_problem(401, "invalid_token");
    app.log_in("ann").await;
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn one_of_two_concurrent_changes_succeeds() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let mut session = app.register("ann").await;
    for round in 0..4 {
        let current = if round == 0 { PASSWORD.to_owned() } else { format!("{NEW} {}", round - 1) };
        let new = [format!("{NEW} {round}"), format!("another {NEW} {round}")];
        let bodies = [from_to(&current, &new[0]), from_to(&current, &new[1])];
        let (first, second) =
            join(change(&app, &session, &bodies[0]), change(&app, &session, &bodies[1])).await;
        let statuses = [first.status, second.status];
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        let held = new[usize::from(second.status == 200)].clone();
        session = Session::of(if first.status == 200 { &first } else { &second });
        app.try_login("ann", &json!({"password": held})).await.assert_status(200);
        let back = from_to(&held, &new[0]);
        if held != new[0] {
            session = Session::of(&change(&app, &session, &back).await.assert_status(200));
        }
    }
}

/// Changes the password with an optional Idempotency-Key.
async fn change_with_key(app: &TestApp, token: &str, key: Option<&str>) -> Response {
    let call = app.post("/auth/password").cookie(token).json(&from_to(PASSWORD, NEW));
    match key {
        Some(key) => call.header("Idempotency-Key", key).send().await,
        None => call.send().await,
    }
}

#[actix_web::test]
async fn a_stolen_copy_of_the_old_token_is_worthless_after_a_change() {
    let app = TestApp::start().await;
    let stolen = app.register("ann").await;
    let owner = Session::of(&change_with_key(&app, &stolen.refresh_token, None).await.assert_status(200));
    assert_ne!(claims(&owner.refresh_token)["sk"], claims(&stolen.refresh_token)["sk"]);

    // Within the grace another tab of the owner may not have the new cookie yet: no verdict.
    for response in [app.refresh(&stolen.refresh_token).await, app.me(&stolen.refresh_token).await] {
        let response = response.assert_problem(503, "unavailable");
        assert!(response.set_cookie().is_none() && response.header("retry-after").is_some());
    }
    app.advance(LATER);
    app.me(&stolen.refresh_token).await.assert_ended("unknown");
    assert!(app.refresh(&stolen.refresh_token).await.assert_ended("unknown").clears_cookie());
    app.post("/auth/logout").cookie(&stolen.refresh_token).send().await.assert_status(204);
    let delete = app.call(Method::DELETE, "/auth/me").cookie(&stolen.refresh_token);
    delete.send().await.assert_ended("unknown");

    let next = Session::of(&app.refresh(&owner.refresh_token).await.assert_status(200));
    assert_eq!(next.rotation, 2);
}

#[actix_web::test]
async fn a_lost_response_to_a_change_can_be_repeated_within_the_grace_and_later_with_the_key() {
    for (wait, key) in [(TimeDelta::seconds(9), None), (TimeDelta::hours(1), Some(KEY))] {
        let app = TestApp::start().await;
        let first = app.register("ann").await;
        let lost = Session::of(&change_with_key(&app, &first.refresh_token, key).await.assert_status(200));
        app.advance(wait);

        let again = Session::of(&change_with_key(&app, &first.refresh_token, key).await.assert_status(200));
        let of = |session: &Session| {
            let claims = claims(&session.refresh_token);
            [claims["gen"].clone(), claims["sk"].clone()]
        };
        assert_eq!(of(&again), of(&lost));
        let next = Session::of(&app.refresh(&again.refresh_token).await.assert_status(200));
        assert_eq!(next.rotation, 2);
        app.refresh(&lost.refresh_token).await.assert_status(200);
    }
}

#[actix_web::test]
async fn a_repeated_change_requires_the_new_password_and_the_old_token() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    change_with_key(&app, &first.refresh_token, Some(KEY)).await.assert_status(200);

    let guess = from_to(PASSWORD, "a password that the owner never set");
    change(&app, &first, &guess).await.assert_problem(401, "invalid_credentials");
    app.advance(LATER);
    change_with_key(&app, &first.refresh_token, None).await.assert_ended("unknown");
    change_with_key(&app, &first.refresh_token, Some(KEY)).await.assert_status(200);
}

#[actix_web::test]
async fn a_change_with_a_token_in_its_grace_replaces_the_secret_of_its_successor() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let successor = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    let changed = Session::of(&change_with_key(&app, &first.refresh_token, None).await.assert_status(200));
    assert_eq!(changed.rotation, 2);
    app.advance(LATER);
    app.refresh(&successor.refresh_token).await.assert_ended("unknown");
    app.refresh(&first.refresh_token).await.assert_ended("unknown");
    app.refresh(&changed.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_refresh_while_the_password_is_checked_does_not_keep_the_old_secret() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;
    app.database.db_execute(&format!("UPDATE users SET password_hash = '{SLOW_HASH}'"));
    let refresh = async {
        sleep(Duration::from_millis(150)).await;
        app.refresh(&first.refresh_token).await
    };
    let (changed, refreshed) = join(change_with_key(&app, &first.refresh_token, None), refresh).await;
    let refreshed = Session::of(&refreshed.assert_status(200));
    let changed = Session::of(&changed.assert_status(200));
    assert_eq!((refreshed.rotation, changed.rotation), (1, 2));
    app.advance(LATER);
    app.refresh(&refreshed.refresh_token).await.assert_ended("unknown");
    app.refresh(&first.refresh_token).await.assert_ended("unknown");
    app.refresh(&changed.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_logout_with_the_token_before_a_change_ends_the_session_within_the_grace_only() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let changed = Session::of(&change(&app, &first, &from_to(PASSWORD, NEW)).await.assert_status(200));
    app.advance(LATER);
    app.post("/auth/logout").cookie(&first.refresh_token).send().await.assert_status(204);
    let second = Session::of(&app.refresh(&changed.refresh_token).await.assert_status(200));

    let changed = Session::of(&change(&app, &second, &from_to(NEW, PASSWORD)).await.assert_status(200));
    app.post("/auth/logout").cookie(&second.refresh_token).send().await.assert_status(204);
    app.refresh(&changed.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn a_change_sent_twice_at_the_same_time_does_not_end_the_session() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;
    let (one, two) = join(
        change_with_key(&app, &first.refresh_token, Some(KEY)),
        change_with_key(&app, &first.refresh_token, Some(KEY)),
    )
    .await;
    for response in [&one, &two] {
        assert!([200, 503].contains(&response.status), "{}", response.text());
    }
    let again = Session::of(&change_with_key(&app, &first.refresh_token, Some(KEY)).await.assert_status(200));
    assert_eq!(again.rotation, 1);
    app.refresh(&again.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_change_by_the_wrong_transport_changes_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let call = app.post("/auth/password").bearer(&session.refresh_token).json(&from_to(PASSWORD, NEW));
    call.send().await.assert_problem(400, "malformed_request");
    app.log_in("ann").await;
}
