use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, Session, TestApp, security_log};
use crate::mailbox::MailApp;

const NEW: &str = "seven quiet maps paint an otter";

async fn forgot(app: &TestApp, email: &str) -> Response {
    app.post("/auth/password/forgot").json(&json!({"email": email})).send().await
}

async fn reset(app: &TestApp, members: &Value) -> Response {
    let mut body = json!({"new_password": NEW});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    app.post("/auth/password/reset").json(&body).send().await
}

async fn reset_by_token(app: &TestApp, token: &str) -> Response {
    reset(app, &json!({"token": token})).await
}

/// Requests a mail for `NAME@example.org`. Returns the continuation, the token and the code.
async fn request(app: &MailApp, name: &str) -> (String, String, String) {
    let email = format!("{name}@example.org");
    let body = forgot(app, &email).await.assert_status(202).json();
    assert_eq!(body["expires_in"], 1800);
    let continuation = body["continuation"].as_str().expect("a continuation").to_owned();
    test_support::evidence::secret(&continuation);
    let mail = app.mail(&email).await;
    (continuation, mail.token("reset"), mail.code().expect("a code"))
}

fn types(app: &TestApp) -> Vec<String> {
    let sql =
        "SELECT type AS value FROM events WHERE type LIKE 'password_%' OR type LIKE 'email_%' ORDER BY id";
    app.database.db_texts(sql)
}

#[actix_web::test]
async fn a_link_sets_a_new_password_and_ends_all_sessions() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    let (continuation, token, code) = request(&app, "ann").await;
    let dump = app.database.db_dump();
    for secret in [&continuation, &token, &code] {
        assert!(!dump.contains(secret) && !dump.contains(&test_support::hex(secret)), "{secret} is stored");
    }
    let link =
        app.post("/auth/proofs/inspect").json(&json!({"token": token})).send().await.assert_status(200);
    assert_eq!(link.json()["needs"], "new_password");
    assert_eq!(link.json()["email"], "a…@example.org");

    let response = reset_by_token(&app, &token).await.assert_status(204);
    assert!(response.set_cookie().is_none(), "a reset opens no session");
    let ended = app.refresh(&ann.refresh_token).await.assert_problem(401, "session_ended").json();
    // The address was never verified: another person may have registered it.
    assert_eq!(ended["reason"], "account_recovered");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    let again = Session::of(&app.try_login("ann", &json!({"password": NEW})).await.assert_status(200));
    assert_eq!(app.get_json(&again, "/auth/me").await["email_verified"], true);
    assert_eq!(types(&app), ["password_reset_requested", "password_reset", "email_verified"]);
    reset_by_token(&app, &token).await.assert_problem(410, "link_invalid");

    // The second time the address is verified.
    app.advance(TimeDelta::minutes(2));
    app.database.db_execute("DELETE FROM proofs");
    let response = forgot(&app, "ann@example.org").await.assert_status(202);
    assert!(response.json()["continuation"].is_string());
    app.settle().await;
    let newest = app
        .mails("ann@example.org")
        .into_iter()
        .map(|mail| mail.token("reset"))
        .find(|other| *other != token);
    let change = json!({"token": newest.expect("a second mail"), "new_password": PASSWORD});
    app.post("/auth/password/reset").json(&change).send().await.assert_status(204);
    let ended = app.refresh(&again.refresh_token).await.assert_problem(401, "session_ended").json();
    assert_eq!(ended["reason"], "password_changed");
    assert!(security_log(&again).contains(&"session_ended".to_owned()));
}

#[actix_web::test]
async fn a_code_sets_a_new_password_only_with_its_continuation() {
    let app = MailApp::start().await;
    app.register("ann").await;
    app.register("bob").await;
    let (continuation, _, code) = request(&app, "ann").await;
    let (of_bob, _, _) = request(&app, "bob").await;
    let attempt = async |continuation: &str, code: &str| {
        reset(&app, &json!({"continuation": continuation, "code": code})).await
    };
    attempt("unknown", &code).await.assert_problem(410, "link_invalid");
    let wrong = attempt(&of_bob, &code).await.assert_problem(401, "invalid_code").json();
    assert_eq!(wrong["attempts_left"], 4);
    let weak = json!({"continuation": continuation, "code": code, "new_password": "password1"});
    app.post("/auth/password/reset").json(&weak).send().await.assert_problem(422, "invalid_input");
    attempt(&continuation, &format!("{}-{}", &code[..4], &code[4..])).await.assert_status(204);
    app.try_login("ann", &json!({"password": NEW})).await.assert_status(200);
    attempt(&continuation, &code).await.assert_problem(410, "link_invalid");
}

#[actix_web::test]
async fn five_wrong_codes_make_link_and_code_invalid() {
    let app = MailApp::start().await;
    app.register("ann").await;
    let (continuation, token, code) = request(&app, "ann").await;
    let attempt = async |code: &str| reset(&app, &json!({"continuation": continuation, "code": code})).await;
    for left in (0..5).rev() {
        app.advance(TimeDelta::seconds(1));
        let wrong = attempt("00000000").await.assert_problem(401, "invalid_code").json();
        assert_eq!(wrong["attempts_left"], left);
    }
    attempt(&code).await.assert_problem(410, "link_invalid");
    reset_by_token(&app, &token).await.assert_problem(410, "link_invalid");
    // They count as wrong passwords too.
    app.try_login("ann", &json!({})).await.assert_problem(429, "too_many_requests");
}

#[actix_web::test]
async fn a_code_expires_before_its_link() {
    let app = MailApp::start().await;
    app.register("ann").await;
    let (continuation, token, code) = request(&app, "ann").await;
    app.advance(TimeDelta::minutes(10));
    reset(&app, &json!({"continuation": continuation, "code": code}))
        .await
        .assert_problem(401, "invalid_code");
    app.advance(TimeDelta::minutes(20) - TimeDelta::seconds(1));
    app.post("/auth/proofs/inspect").json(&json!({"token": token})).send().await.assert_status(200);
    app.advance(TimeDelta::seconds(1));
    reset_by_token(&app, &token).await.assert_problem(410, "link_invalid");
}

#[actix_web::test]
async fn a_change_of_the_user_makes_the_link_invalid() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    let change_password = async |ann: &Session| {
        let body = json!({"current_password": PASSWORD, "new_password": "another horse battery staple"});
        app.post("/auth/password").cookie(&ann.refresh_token).json(&body).send().await.assert_status(200);
    };
    let disable = async |user: &Session| {
        app.change_user(&root, &user.user_id, &json!({"disabled": true})).await.assert_status(200);
    };
    let (ann, bob) = (app.register("ann").await, app.register("bob").await);
    let (of_ann, of_bob) = (request(&app, "ann").await, request(&app, "bob").await);
    change_password(&ann).await;
    disable(&bob).await;
    for (continuation, token, code) in [of_ann, of_bob] {
        reset_by_token(&app, &token).await.assert_problem(410, "link_invalid");
        let by_code = json!({"continuation": continuation, "code": code});
        reset(&app, &by_code).await.assert_problem(410, "link_invalid");
    }
    let path = format!("/admin/users/{}/password-reset", bob.user_id);
    app.post(&path).cookie(&root.refresh_token).send().await.assert_problem(409, "user_disabled");
    // A disabled user gets no mail.
    app.advance(TimeDelta::minutes(2));
    forgot(&app, "bob@example.org").await.assert_status(202);
    app.settle().await;
    assert_eq!(app.mails("bob@example.org").len(), 1);
}

#[actix_web::test]
async fn twenty_requests_with_one_link_have_one_effect() {
    let app = MailApp::start().await;
    app.register("ann").await;
    let (continuation, token, code) = request(&app, "ann").await;
    let by_token = json!({"token": token});
    let by_code = json!({"continuation": continuation, "code": code});
    let requests = (0..20).map(|number| {
        let mut body = if number % 5 == 0 { by_code.clone() } else { by_token.clone() };
        body["new_password"] = json!(format!("{NEW} {number}"));
        let app = &app;
        async move { (number, app.post("/auth/password/reset").json(&body).send().await) }
    });
    let responses = join_all(requests).await;
    let winners: Vec<i32> =
        responses.iter().filter(|(_, response)| response.status == 204).map(|(number, _)| *number).collect();
    let statuses: Vec<u16> = responses.iter().map(|(_, response)| response.status).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    // 503: the queue for new passwords is full.
    assert!(statuses.iter().all(|status| [204, 410, 503].contains(status)), "{statuses:?}");
    let password = format!("{NEW} {}", winners[0]);
    app.try_login("ann", &json!({"password": password})).await.assert_status(200);
    assert_eq!(types(&app), ["password_reset_requested", "password_reset", "email_verified"]);
}

/// Neither the response nor what is stored differs, and the request works without the table of users.
#[actix_web::test]
async fn known_and_unknown_addresses_are_treated_alike() {
    let app = MailApp::start().await;
    app.register("ann").await;
    let shape = |response: &Response| {
        let mut body = response.json();
        assert_eq!(body["continuation"].as_str().expect("a continuation").len(), 43);
        body["continuation"] = json!("");
        (response.status, body, response.header("cache-control").map(str::to_owned))
    };
    let (known, unknown) = (forgot(&app, "ann@example.org").await, forgot(&app, "nobody@example.org").await);
    assert_eq!(shape(&known), shape(&unknown));
    app.settle().await;
    assert_eq!(app.mails("nobody@example.org").len(), 0);
    assert_eq!(app.mails("ann@example.org").len(), 1);
    let wrong = async |response: &Response| {
        let body = json!({"continuation": response.json()["continuation"], "code": "00000000"});
        let response = reset(&app, &body).await;
        (response.status, response.text())
    };
    for _ in 0..5 {
        assert_eq!(wrong(&known).await, wrong(&unknown).await);
        app.advance(TimeDelta::seconds(1));
    }
    assert_eq!(wrong(&unknown).await.0, 410);
    // Limited alike.
    let again = [forgot(&app, "ann@example.org").await, forgot(&app, "nobody@example.org").await];
    let [known, unknown] = again.map(|response| response.assert_problem(429, "too_many_requests").text());
    assert_eq!(known, unknown);

    app.database.db_execute("ALTER TABLE users RENAME TO hidden");
    app.advance(TimeDelta::minutes(2));
    forgot(&app, "ann@example.org").await.assert_status(202);
    app.database.db_execute("ALTER TABLE hidden RENAME TO users");
}

#[actix_web::test]
async fn an_administrator_sends_a_link_and_does_not_see_it() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let path = format!("/admin/users/{}/password-reset", ann.user_id);
    let post = async |by: &Session| app.post(&path).cookie(&by.refresh_token).send().await;
    post(&ann).await.assert_problem(403, "role_required");
    assert_eq!(post(&root).await.assert_status(202).text(), "");
    let mail = app.mail("ann@example.org").await;
    assert_eq!(mail.code(), None, "no page waits for a code");
    reset_by_token(&app, &mail.token("reset")).await.assert_status(204);
    let requested = app.get_json(&root, "/admin/events?type=password_reset_requested").await;
    assert_eq!(requested["items"][0]["details"]["by"], root.user_id.as_str());
    let unknown = "/admin/users/00000000-0000-4000-8000-000000000000/password-reset";
    app.post(unknown).cookie(&root.refresh_token).send().await.assert_problem(404, "not_found");
}

#[actix_web::test]
async fn malformed_requests_are_rejected() {
    let app = MailApp::start().await;
    for (body, field) in [
        (json!({}), "token"),
        (json!({"token": "x", "code": "1"}), "token"),
        (json!({"code": "1"}), "continuation"),
        (json!({"continuation": "1"}), "code"),
        (json!({"continuation": "1", "code": "1234567"}), "code"),
        (json!({"continuation": "1", "code": "1234567x"}), "code"),
        (json!({"token": "x", "new_password": null}), "new_password"),
    ] {
        let problem = reset(&app, &body).await.assert_problem(422, "invalid_input").json();
        assert!(problem["fields"][field].is_string(), "{problem}");
    }
    forgot(&app, "nobody").await.assert_problem(422, "invalid_input");
    // Mails that are older than the pages lead to the earlier paths.
    for page in ["register", "forgot", "reset", "verify", "change"] {
        app.get(&format!("/{page}")).send().await.assert_status(200);
        let moved = app.get(&format!("/account/{page}")).send().await.assert_status(307);
        assert_eq!(moved.header("location"), Some(format!("../{page}").as_str()));
    }
}

#[actix_web::test]
async fn an_invitation_is_sent_and_verifies_the_address() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    let body = json!({"email": "eve@example.org", "locale": "de"});
    let invited = app.post("/admin/invitations").cookie(&root.refresh_token).json(&body).send().await;
    let invitation = invited.assert_status(201).json();
    assert!(invitation.get("link").is_none());
    let token = app.mail("eve@example.org").await.token("invite");
    let resend = format!("/admin/invitations/{}/resend", invitation["id"].as_str().unwrap());
    app.advance(TimeDelta::days(6));
    app.post(&resend).cookie(&app.log_in("root").await.refresh_token).send().await.assert_status(202);
    app.settle().await;
    let mails = app.mails("eve@example.org");
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| mail.token("invite") == token), "the same link");
    // Seven days from the second mail.
    app.advance(TimeDelta::days(6));
    let accept = json!({"token": token, "password": PASSWORD});
    let response = app.post("/auth/invitations/accept").json(&accept).send().await.assert_status(201);
    assert_eq!(response.json()["user"]["email_verified"], true);
}
