use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::Response;

use crate::admin::users::version;
use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::mailbox::{Mail, MailApp};

/// What a request for a change leads to.
struct Change {
    continuation: String,
    token: String,
    code: String,
}

impl Change {
    fn by_token(&self) -> Value {
        json!({"token": self.token})
    }

    fn by_code(&self) -> Value {
        json!({"continuation": self.continuation, "code": self.code})
    }
}

async fn change(app: &TestApp, by: &Session, email: &str) -> Response {
    app.post("/auth/email").cookie(&by.refresh_token).json(&json!({"email": email})).send().await
}

async fn confirm(app: &TestApp, by: &Session, proof: &Value) -> Response {
    app.post("/auth/email/confirm").cookie(&by.refresh_token).json(proof).send().await
}

async fn cancel(app: &TestApp, by: &Session) -> Response {
    app.call(Method::DELETE, "/auth/email/pending").cookie(&by.refresh_token).send().await
}

/// The mails with a link to prove this address.
async fn links(app: &MailApp, email: &str) -> Vec<Mail> {
    app.settle().await;
    app.mails(email).into_iter().filter(|mail| mail.text.contains("/change#")).collect()
}

/// Requests a change to an address that no other test of this server uses.
async fn request(app: &MailApp, by: &Session, email: &str) -> Change {
    let body = change(app, by, email).await.assert_status(202).json();
    assert_eq!(body["expires_in"], 86_400);
    let continuation = body["continuation"].as_str().expect("a continuation").to_owned();
    test_support::evidence::secret(&continuation);
    let [mail] = &links(app, &email.to_lowercase()).await[..] else { panic!("not one mail to {email}") };
    Change { continuation, token: mail.token("change"), code: mail.code().expect("a code") }
}

async fn email(app: &TestApp, by: &Session) -> Value {
    app.get_json(by, "/auth/me").await["email"].clone()
}

fn types(app: &TestApp) -> Vec<String> {
    app.database.db_texts("SELECT type AS value FROM events WHERE type LIKE 'email_%' ORDER BY id")
}

#[actix_web::test]
async fn a_new_address_takes_effect_when_its_link_is_used() {
    let app = MailApp::start().await;
    let (ann, other) = (app.register("ann").await, app.log_in("ann").await);
    let before = version(&app, &ann);
    let change = request(&app, &ann, "New@Example.COM").await;
    let dump = app.database.db_dump();
    for secret in [&change.continuation, &change.token, &change.code] {
        assert!(!dump.contains(secret) && !dump.contains(&test_support::hex(secret)), "{secret} is stored");
    }
    let pending = async || app.get_json(&ann, "/auth/email/pending").await["pending"].clone();
    let requested = pending().await;
    assert_eq!(
        (&requested["email"], &requested["expires_at"]),
        (&json!("new@example.com"), &json!("2030-01-02T00:00:00Z"))
    );
    assert_eq!(app.get_json(&other, "/auth/email/pending").await["pending"], requested);
    // Until then nothing changes.
    app.try_login("ann", &json!({})).await.assert_status(200);
    assert_eq!(email(&app, &ann).await, "ann@example.org");
    let link = app.post("/auth/proofs/inspect").json(&change.by_token()).send().await.assert_status(200);
    assert_eq!((&link.json()["needs"], &link.json()["email"]), (&json!("session"), &json!("n…@example.com")));

    let user = confirm(&app, &ann, &change.by_token()).await.assert_status(200).json();
    assert_eq!(pending().await, Value::Null);
    assert_eq!((&user["email"], &user["email_verified"]), (&json!("new@example.com"), &json!(true)));
    assert_eq!(email(&app, &ann).await, "new@example.com");
    assert_ne!(version(&app, &ann), before);
    app.get("/auth/me").bearer(&ann.access_token).send().await.assert_problem(401, "token_stale");
    app.refresh(&ann.refresh_token).await.assert_status(200);
    app.refresh(&other.refresh_token).await.assert_ended("email_changed");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    app.try_login("ann", &json!({"email": "new@example.com"})).await.assert_status(200);
    assert_eq!(types(&app), ["email_change_requested", "email_changed"]);
    // The old address is free.
    app.register("ann").await;
}

#[actix_web::test]
async fn a_code_changes_the_address_with_its_continuation_and_other_sessions_can_continue() {
    let app = MailApp::start().await;
    let (ann, other, bob) = (app.register("ann").await, app.log_in("ann").await, app.register("bob").await);
    let change = request(&app, &ann, "new@example.com").await;
    let of_bob = request(&app, &bob, "bob@example.com").await;
    let wrong = json!({"continuation": of_bob.continuation, "code": change.code});
    let wrong = confirm(&app, &bob, &wrong).await.assert_problem(401, "invalid_code");
    assert_eq!(wrong.json()["attempts_left"], 4);
    assert!(wrong.header("www-authenticate").is_some());
    let mut proof = change.by_code();
    proof["end_other_sessions"] = json!(false);
    confirm(&app, &other, &proof).await.assert_status(200);
    app.refresh(&ann.refresh_token).await.assert_status(200);
    confirm(&app, &other, &proof).await.assert_problem(410, "link_invalid");
}

#[actix_web::test]
async fn a_change_by_an_administrator_withdraws_the_requested_address() {
    let app = MailApp::start().await;
    let (root, ann) = (app.db_administrator("root").await, app.register("ann").await);
    let change = request(&app, &ann, "new@example.com").await;
    app.change_user(&root, &ann.user_id, &json!({"roles": ["editor"]})).await.assert_status(200);
    assert_eq!(app.get_json(&ann, "/auth/email/pending").await, json!({"pending": null}));
    confirm(&app, &ann, &change.by_token()).await.assert_problem(410, "link_invalid");
}

#[actix_web::test]
async fn five_wrong_codes_make_link_and_code_invalid() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    let change = request(&app, &ann, "new@example.com").await;
    let wrong = json!({"continuation": change.continuation, "code": "00000000"});
    for left in (0..5).rev() {
        app.advance(TimeDelta::seconds(1));
        let response = confirm(&app, &ann, &wrong).await.assert_problem(401, "invalid_code").json();
        assert_eq!(response["attempts_left"], left);
    }
    for proof in [change.by_token(), change.by_code()] {
        confirm(&app, &ann, &proof).await.assert_problem(410, "link_invalid");
    }
    assert_eq!(email(&app, &ann).await, "ann@example.org");
}

/// Used, replaced, cancelled, expired, forged, another user's, of another purpose, and after each change of the user.
#[actix_web::test]
async fn a_proof_that_is_not_open_or_not_the_users_changes_nothing() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    let assert_useless = async |by: &Session, change: &Change, what: &str| {
        let before = email(&app, by).await;
        for proof in [change.by_token(), change.by_code()] {
            let response = confirm(&app, by, &proof).await.assert_problem(410, "link_invalid");
            assert!(!response.text().contains(&change.token), "{what}");
        }
        assert_eq!(email(&app, by).await, before, "{what}");
    };

    let ann = app.register("used").await;
    let used = request(&app, &ann, "used@example.com").await;
    confirm(&app, &ann, &used.by_token()).await.assert_status(200);
    assert_useless(&ann, &used, "used").await;

    let ann = app.register("replaced").await;
    let replaced = request(&app, &ann, "replaced@example.com").await;
    let newer = request(&app, &ann, "newer@example.com").await;
    assert_useless(&ann, &replaced, "replaced").await;
    cancel(&app, &ann).await.assert_status(204);
    assert_useless(&ann, &newer, "cancelled").await;
    cancel(&app, &ann).await.assert_status(204);

    let (ann, bob) = (app.register("owner").await, app.register("other").await);
    let of_ann = request(&app, &ann, "owner@example.com").await;
    assert_useless(&bob, &of_ann, "another user's").await;
    let of_bob = request(&app, &bob, "other@example.com").await;
    let forged = format!("{}{}", &of_ann.token[..22], &of_bob.token[22..]);
    for token in [forged.as_str(), "", "x", &of_ann.token[1..]] {
        confirm(&app, &ann, &json!({"token": token})).await.assert_problem(410, "link_invalid");
    }
    app.post("/auth/password/forgot")
        .json(&json!({"email": "owner@example.org"}))
        .send()
        .await
        .assert_status(202);
    app.settle().await;
    let reset = app.mails("owner@example.org").into_iter().find(|mail| mail.text.contains("/reset#"));
    let reset = reset.expect("a mail").token("reset");
    confirm(&app, &ann, &json!({"token": reset})).await.assert_problem(410, "link_invalid");
    let new_password = json!({"token": of_ann.token, "new_password": "seven quiet maps paint an otter"});
    app.post("/auth/password/reset").json(&new_password).send().await.assert_problem(410, "link_invalid");
    // None of these attempts used it up. A change of the address makes the other link invalid.
    confirm(&app, &ann, &of_ann.by_code()).await.assert_status(200);
    let new_password = json!({"token": reset, "new_password": "seven quiet maps paint an otter"});
    app.post("/auth/password/reset").json(&new_password).send().await.assert_problem(410, "link_invalid");

    let ann = app.register("password").await;
    let before = request(&app, &ann, "password@example.com").await;
    let passwords = json!({"current_password": PASSWORD, "new_password": "seven quiet maps paint an otter"});
    let response = app.post("/auth/password").cookie(&ann.refresh_token).json(&passwords).send().await;
    assert_useless(&Session::of(&response.assert_status(200)), &before, "after a password change").await;

    let ann = app.register("roles").await;
    let before = request(&app, &ann, "roles@example.com").await;
    app.change_user(&root, &ann.user_id, &json!({"roles": ["editor"]})).await.assert_status(200);
    assert_useless(&ann, &before, "after a change by an administrator").await;

    let ann = app.register("expired").await;
    let expired = request(&app, &ann, "expired@example.com").await;
    app.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    let link = async || app.post("/auth/proofs/inspect").json(&expired.by_token()).send().await;
    link().await.assert_status(200);
    // Its code has expired already.
    confirm(&app, &ann, &expired.by_code()).await.assert_problem(401, "invalid_code");
    app.advance(TimeDelta::seconds(1));
    link().await.assert_problem(410, "link_invalid");
    confirm(&app, &ann, &expired.by_token()).await.assert_problem(410, "link_invalid");
    // The code is no longer valid, and has the same response as a wrong one for another ten minutes.
    confirm(&app, &ann, &expired.by_code()).await.assert_problem(401, "invalid_code");
    app.advance(TimeDelta::minutes(10));
    assert_useless(&ann, &expired, "expired").await;
}

#[actix_web::test]
async fn free_and_taken_addresses_are_treated_alike() {
    let app = MailApp::start().await;
    let (ann, _) = (app.register("ann").await, app.register("bob").await);
    let shape = |response: &Response| {
        let mut body = response.json();
        assert_eq!(body["continuation"].as_str().expect("a continuation").len(), 43);
        body["continuation"] = json!("");
        (response.status, body)
    };
    let free = change(&app, &ann, "free@example.org").await.assert_status(202);
    let taken = change(&app, &ann, "bob@example.org").await;
    assert_eq!(shape(&free), shape(&taken));
    assert_eq!(links(&app, "bob@example.org").await.len(), 0);
    let wrong = json!({"continuation": taken.json()["continuation"], "code": "00000000"});
    let wrong = confirm(&app, &ann, &wrong).await.assert_problem(401, "invalid_code").json();
    assert_eq!(wrong["attempts_left"], 4);
    for email in ["free@example.org", "bob@example.org"] {
        change(&app, &ann, email).await.assert_problem(429, "too_many_requests");
    }
}

#[actix_web::test]
async fn an_address_belongs_to_the_first_user_who_proves_it() {
    let app = MailApp::start().await;
    let (ann, bob) = (app.register("ann").await, app.register("bob").await);
    let first = request(&app, &ann, "new@example.com").await;
    app.advance(TimeDelta::minutes(2));
    change(&app, &bob, "new@example.com").await.assert_status(202);
    let mails = links(&app, "new@example.com").await;
    assert_eq!(mails.len(), 2, "a request does not reserve the address");
    let token = mails.iter().map(|mail| mail.token("change")).find(|token| *token != first.token).unwrap();
    confirm(&app, &bob, &json!({"token": token})).await.assert_status(200);
    confirm(&app, &ann, &first.by_token()).await.assert_problem(409, "email_taken");
    assert_eq!(email(&app, &ann).await, "ann@example.org");
    app.refresh(&ann.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn twenty_requests_with_one_link_have_one_effect() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    let change = request(&app, &ann, "new@example.com").await;
    let proof = |number: u32| if number.is_multiple_of(5) { change.by_code() } else { change.by_token() };
    let requests = (0..20).map(|number| {
        let (app, ann, proof) = (&app, &ann, proof(number));
        async move { confirm(app, ann, &proof).await.status }
    });
    let statuses = join_all(requests).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 410].contains(status)), "{statuses:?}");
    assert_eq!(types(&app), ["email_change_requested", "email_changed"]);
}

#[actix_web::test]
async fn concurrent_requests_of_a_user_leave_one_open() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    let requests = (0..8).map(|number| {
        let (app, ann) = (&app, &ann);
        async move { change(app, ann, &format!("new{number}@example.com")).await.assert_status(202) }
    });
    join_all(requests).await;
    let open = "SELECT id AS value FROM proofs WHERE void_at IS NULL AND purpose = 'change'";
    assert_eq!(app.database.db_texts(open).len(), 1);
}

#[actix_web::test]
async fn a_change_requires_a_session_a_recent_login_and_another_address() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    for (body, message) in [
        (json!({}), "is missing"),
        (json!({"email": "ann"}), "is not an e-mail address"),
        (json!({"email": " ANN@example.org"}), "is your address already"),
    ] {
        let response = app.post("/auth/email").cookie(&ann.refresh_token).json(&body).send().await;
        let problem = response.assert_problem(422, "invalid_input").json();
        assert_eq!(problem["fields"]["email"], message);
    }
    let body = json!({"email": "new@example.com"});
    app.post("/auth/email").json(&body).send().await.assert_problem(401, "missing_token");
    let token = json!({"token": "x"});
    app.post("/auth/email/confirm").json(&token).send().await.assert_problem(401, "missing_token");
    app.call(Method::DELETE, "/auth/email/pending").send().await.assert_problem(401, "missing_token");
    for body in
        [json!({}), json!({"token": "x", "code": "1"}), json!({"code": "1"}), json!({"continuation": "1"})]
    {
        confirm(&app, &ann, &body).await.assert_problem(422, "invalid_input");
    }
    let pending = request(&app, &ann, "pending@example.com").await;
    app.advance(TimeDelta::minutes(5) + TimeDelta::seconds(1));
    let problem = change(&app, &ann, "new@example.com").await.assert_problem(403, "fresh_login_required");
    assert!(problem.header("www-authenticate").is_some());
    // The user proved the password when the change was requested.
    confirm(&app, &ann, &pending.by_token()).await.assert_status(200);
}

#[actix_web::test]
async fn without_mail_only_an_administrator_changes_an_address() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let (ann, _) = (app.register("ann").await, app.register("bob").await);
    change(&app, &ann, "new@example.com").await.assert_problem(404, "not_found");
    confirm(&app, &ann, &json!({"token": "x"})).await.assert_problem(404, "not_found");
    cancel(&app, &ann).await.assert_problem(404, "not_found");

    app.database.db_execute("UPDATE users SET email_verified_at = created_at");
    let patch = async |email: &str| app.change_user(&root, &ann.user_id, &json!({"email": email})).await;
    patch("bob@example.org").await.assert_problem(409, "email_taken");
    patch("bob").await.assert_problem(422, "invalid_input");
    let before = version(&app, &ann);
    let unchanged = patch("ANN@example.org").await.assert_status(200).json();
    assert_eq!(unchanged["email_verified"], true);
    assert_eq!(version(&app, &ann), before);
    let changed = patch("New@example.com").await.assert_status(200).json();
    assert_eq!((&changed["email"], &changed["email_verified"]), (&json!("new@example.com"), &json!(false)));
    assert_ne!(version(&app, &ann), before);
    // The session continues, with an access token of the new version.
    let refreshed = Session::of(&app.refresh(&ann.refresh_token).await.assert_status(200));
    assert_eq!(claims(&refreshed.access_token)["uv"].to_string(), version(&app, &ann));
    app.try_login("ann", &json!({"email": "new@example.com"})).await.assert_status(200);
    let events = app.get_json(&root, "/admin/events?type=email_changed").await;
    assert_eq!(events["items"][0]["details"]["by"], root.user_id.as_str());
}
