use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, Session, TestApp, claims, security_log};

const NEW: &str = "an entirely different staple";

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

    let response = change(&app, &here, &from_to(PASSWORD, NEW)).await.assert_status(204);
    assert!(response.set_cookie().is_none());

    app.refresh(&other.refresh_token).await.assert_ended("password_changed");
    app.get("/auth/me").bearer(&here.access_token).send().await.assert_problem(401, "token_stale");
    let next = Session::of(&app.refresh(&here.refresh_token).await.assert_status(200));
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
    change(&app, &here, &body).await.assert_status(204);
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
    let session = app.register("ann").await;
    for round in 0..4 {
        let current = if round == 0 { PASSWORD.to_owned() } else { format!("{NEW} {}", round - 1) };
        let new = [format!("{NEW} {round}"), format!("another {NEW} {round}")];
        let bodies = [from_to(&current, &new[0]), from_to(&current, &new[1])];
        let (first, second) = futures_util::future::join(
            change(&app, &session, &bodies[0]),
            change(&app, &session, &bodies[1]),
        )
        .await;
        let statuses = [first.status, second.status];
        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
        let held = new[usize::from(second.status == 204)].clone();
        app.try_login("ann", &json!({"password": held})).await.assert_status(200);
        let back = from_to(&held, &new[0]);
        if held != new[0] {
            change(&app, &session, &back).await.assert_status(204);
        }
    }
}
