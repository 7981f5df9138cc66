use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp, claims};

#[actix_web::test]
async fn users_list_their_active_sessions_most_recently_used_first() {
    let app = TestApp::start().await;
    app.register("bob").await;
    let ended = app.register("ann").await;
    app.post("/auth/logout").cookie(&ended.refresh_token).send().await.assert_status(204);
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let desk = Session::of(&app.post("/auth/login").header("user-agent", firefox).json(&body).send().await);
    app.advance(TimeDelta::hours(1));
    let phone = app.log_in("ann").await;

    let response = app.get("/auth/sessions").cookie(&desk.refresh_token).send().await.assert_status(200);
    let sessions = response.json()["sessions"].as_array().unwrap().clone();

    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["id"], claims(&phone.refresh_token)["sid"]);
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(sessions[1]["device"], json!("Firefox on Linux"));
    assert_eq!(sessions[1]["ip"], json!("127.0.0.1"));
    assert_eq!(sessions[1]["user_agent"], json!(firefox));
    assert_eq!(sessions[1]["created_at"], json!("2030-01-01T00:00:00Z"));
    assert_eq!(sessions[1]["expires_at"], json!("2030-01-31T00:00:00Z"));
}

#[actix_web::test]
async fn the_list_has_pages() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::hours(1));
    for _ in 0..4 {
        app.log_in("ann").await;
    }
    app.advance(TimeDelta::minutes(1));
    let here = app.log_in("ann").await;
    let all = app.get_json(&here, "/auth/sessions").await;
    assert!(all["sessions"].as_array().unwrap().len() == 6 && all.get("next_cursor").is_none());
    assert_eq!(all["sessions"][5]["id"], claims(&session.refresh_token)["sid"]);

    let (mut pages, mut listed, mut query) = (0, Vec::new(), "?limit=2".to_owned());
    loop {
        let page = app.get_json(&here, &format!("/auth/sessions{query}")).await;
        listed.extend(page["sessions"].as_array().unwrap().clone());
        pages += 1;
        assert!(pages <= 3, "{page}");
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!((pages, &json!(listed)), (3, &all["sessions"]));
    for (query, field) in
        [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=1.000000000-1", "cursor"), ("page=2", "page")]
    {
        let response = app.get(&format!("/auth/sessions?{query}")).cookie(&here.refresh_token).send().await;
        assert!(response.assert_problem(422, "invalid_input").json()["fields"][field].is_string());
    }
}

/// A restored row has an old idle limit, but the token is young enough.
#[actix_web::test]
async fn the_current_session_is_listed_even_if_its_row_is_idle() {
    let app = TestApp::start().await;
    let here = app.register("ann").await;
    app.database.db_execute("UPDATE sessions SET idle_expires_at = '2029-12-31 00:00:00'");
    let other = app.log_in("ann").await;
    let listed = app.get_json(&here, "/auth/sessions").await;
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(app.get_json(&other, "/auth/sessions").await["sessions"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_user_can_end_a_session_on_another_device() {
    let app = TestApp::start().await;
    let lost = app.register("ann").await;
    let here = app.log_in("ann").await;
    let path = format!("/auth/sessions/{}", claims(&lost.refresh_token)["sid"].as_str().unwrap());

    let end = || app.call(Method::DELETE, &path).cookie(&here.refresh_token).send();
    let response = end().await.assert_status(204);
    assert!(response.set_cookie().is_none());
    app.refresh(&lost.refresh_token).await.assert_ended("revoked");
    end().await.assert_problem(404, "not_found");
    app.refresh(&here.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn ending_another_session_requires_a_recent_login() {
    let app = TestApp::start().await;
    let other = app.register("ann").await;
    let here = app.log_in("ann").await;
    let path = |session: &Session| {
        format!("/auth/sessions/{}", claims(&session.refresh_token)["sid"].as_str().unwrap())
    };
    let end = |session| app.call(Method::DELETE, &path(session)).cookie(&here.refresh_token).send();
    app.advance(TimeDelta::seconds(301));
    let response = end(&other).await.assert_problem(403, "fresh_login_required");
    assert_eq!(response.json()["max_age"], json!(300));
    assert!(response.header("www-authenticate").unwrap().contains("insufficient_user_authentication"));
    app.refresh(&other.refresh_token).await.assert_status(200);
    end(&here).await.assert_status(204);

    let here = app.log_in("ann").await;
    app.advance(TimeDelta::seconds(300));
    app.call(Method::DELETE, &path(&other)).cookie(&here.refresh_token).send().await.assert_status(204);
}

#[actix_web::test]
async fn ending_the_current_session_is_a_logout() {
    let app = TestApp::start().await;
    let here = app.register("ann").await;
    app.advance(TimeDelta::hours(1));
    let path = format!("/auth/sessions/{}", claims(&here.refresh_token)["sid"].as_str().unwrap());
    let response =
        app.call(Method::DELETE, &path).cookie(&here.refresh_token).send().await.assert_status(204);
    assert!(response.clears_cookie());
    app.refresh(&here.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn a_user_cannot_end_the_session_of_another_user() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let bob = app.register("bob").await;
    let path = format!("/auth/sessions/{}", claims(&ann.refresh_token)["sid"].as_str().unwrap());
    app.call(Method::DELETE, &path).cookie(&bob.refresh_token).send().await.assert_problem(404, "not_found");
    app.call(Method::DELETE, "/auth/sessions/x")
        .cookie(&bob.refresh_token)
        .send()
        .await
        .assert_problem(404, "not_found");
    app.refresh(&ann.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_user_with_a_fresh_login_ends_all_other_sessions_at_once() {
    let app = TestApp::start().await;
    let current = app.register("ann").await;
    let others = [app.log_in("ann").await, app.log_in("ann").await];
    let stranger = app.register("bob").await;
    let end = async || app.call(Method::DELETE, "/auth/sessions").cookie(&current.refresh_token).send().await;
    app.advance(TimeDelta::seconds(301));
    end().await.assert_problem(403, "fresh_login_required");
    let body = json!({"password": PASSWORD});
    let fresh = app.post("/auth/reauthenticate").cookie(&current.refresh_token).json(&body).send().await;
    let current = Session::of(&fresh.assert_status(200));
    for _ in 0..2 {
        let end = app.call(Method::DELETE, "/auth/sessions").cookie(&current.refresh_token).send().await;
        end.assert_status(204);
    }
    for other in others {
        app.refresh(&other.refresh_token).await.assert_ended("revoked");
    }
    for session in [current, stranger] {
        app.refresh(&session.refresh_token).await.assert_status(200);
    }
}
