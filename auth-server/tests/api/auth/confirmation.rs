//! Registrations that a mail completes: `EMAIL_VERIFICATION=required`.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{Call, Response, evidence};

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::mailbox::MailApp;

const REQUIRED: [&str; 2] = ["--email-verification", "required"];

/// What a registration and its mail contain.
struct Pending {
    continuation: String,
    token: String,
    code: String,
}

async fn register(app: &TestApp, name: &str, members: &Value) -> Response {
    let mut body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    app.post("/auth/register").json(&body).send().await
}

fn continuation(response: &Response) -> String {
    let continuation = response.json()["continuation"].as_str().expect("a continuation").to_owned();
    evidence::secret(&continuation);
    continuation
}

async fn pending(app: &MailApp, name: &str, members: &Value) -> Pending {
    let response = register(app, name, members).await.assert_status(202);
    let (token, code) = app.link(&format!("{name}@example.org"), "register").await;
    Pending { continuation: continuation(&response), token, code: code.expect("a code") }
}

async fn confirm(app: &TestApp, body: &Value) -> Response {
    app.post("/auth/register/confirm").json(body).send().await
}

async fn confirm_code(app: &TestApp, continuation: &str, code: &str) -> Response {
    confirm(app, &json!({"continuation": continuation, "code": code})).await
}

fn users(app: &TestApp) -> usize {
    app.database.db_texts("SELECT id AS value FROM users").len()
}

#[actix_web::test]
async fn a_code_completes_a_registration_and_until_then_no_user_exists() {
    let app = MailApp::with(&REQUIRED).await;
    let response = register(&app, "ann", &json!({"username": "ann", "name": "Ann"})).await;
    let response = response.assert_status(202);
    assert_eq!(response.json()["expires_in"], 86_400);
    assert!(response.set_cookie().is_none());
    let continuation = continuation(&response);
    let (token, code) = app.link("ann@example.org", "register").await;
    let code = code.expect("a code");
    assert_eq!(users(&app), 0);
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    let dump = app.database.db_dump();
    for secret in [PASSWORD, &continuation, &token, &code] {
        assert!(!dump.contains(secret) && !dump.contains(&test_support::hex(secret)), "{secret} is stored");
    }
    assert!(dump.contains("$argon2id$"));

    confirm_code(&app, "unknown", &code).await.assert_problem(410, "link_invalid");
    let wrong = confirm_code(&app, &continuation, "00000000").await.assert_problem(401, "invalid_code");
    assert_eq!(wrong.json()["attempts_left"], 4);
    let session = Session::of(&confirm_code(&app, &continuation, &code).await.assert_status(201));
    let claimed = claims(&session.access_token);
    assert_eq!((&claimed["amr"], &claimed["acr"]), (&json!(["email"]), &json!("1fa")));
    let me = app.get_json(&session, "/auth/me").await;
    assert_eq!(
        (&me["email_verified"], &me["username"], &me["name"]),
        (&json!(true), &json!("ann"), &json!("Ann"))
    );
    app.log_in("ann").await;
    let types = app.database.db_texts("SELECT type AS value FROM events ORDER BY id");
    assert_eq!(types[types.len() - 3..], ["registered", "email_verified", "login_succeeded"]);
    assert_eq!(app.database.db_texts("SELECT data AS value FROM proofs"), ["{}"]);
    confirm_code(&app, &continuation, &code).await.assert_problem(410, "link_invalid");
    confirm(&app, &json!({"token": token, "password": PASSWORD})).await.assert_problem(410, "link_invalid");
}

/// Another person registered with Ann's address, and Ann opens the link.
#[actix_web::test]
async fn a_link_alone_does_not_confirm_the_password_that_another_person_chose() {
    let app = MailApp::with(&REQUIRED).await;
    let thief = pending(&app, "ann", &json!({})).await;
    let link = app.post("/auth/proofs/inspect").json(&json!({"token": thief.token})).send().await;
    let link = link.assert_status(200).json();
    assert_eq!((&link["purpose"], &link["needs"]), (&json!("register"), &json!("password")));
    let alone = confirm(&app, &json!({"token": thief.token})).await.assert_problem(422, "invalid_input");
    assert!(alone.json()["fields"]["password"].is_string());
    // Ann's own registration has another continuation and another password.
    app.advance(TimeDelta::minutes(2));
    let own = register(&app, "ann", &json!({"password": "seven quiet maps paint an otter"})).await;
    let own = continuation(&own.assert_status(202));
    for (companion, status, code) in [
        (json!({"continuation": own}), 410, "link_invalid"),
        (json!({"continuation": ""}), 410, "link_invalid"),
        (json!({"password": "seven quiet maps paint an otter"}), 401, "invalid_credentials"),
        (json!({"continuation": own, "password": PASSWORD}), 410, "link_invalid"),
    ] {
        let mut body = companion.clone();
        body["token"] = json!(thief.token);
        confirm(&app, &body).await.assert_problem(status, code);
        assert_eq!(users(&app), 0, "{companion}");
    }
    // With the password the link works in any browser.
    let body =
        json!({"token": thief.token, "password": PASSWORD, "token_delivery": "body", "remember": false});
    let response = confirm(&app, &body).await.assert_status(201);
    assert!(response.json()["refresh_token"].is_string());
    assert_eq!(claims(response.json()["access_token"].as_str().unwrap())["amr"], json!(["pwd"]));
    let bob = pending(&app, "bob", &json!({})).await;
    let body = json!({"token": bob.token, "continuation": bob.continuation});
    let session = Session::of(&confirm(&app, &body).await.assert_status(201));
    assert_eq!(claims(&session.access_token)["amr"], json!(["email"]));
}

/// Neither responses nor what is stored differ, and the request works without the table of users.
#[actix_web::test]
async fn free_and_taken_addresses_are_treated_alike() {
    let app = MailApp::with(&REQUIRED).await;
    let ann = pending(&app, "ann", &json!({"name": "Ann"})).await;
    confirm_code(&app, &ann.continuation, &ann.code).await.assert_status(201);
    app.advance(TimeDelta::minutes(2));
    let shape = |response: &Response| {
        let mut body = response.json();
        assert_eq!(continuation(response).len(), 43);
        body["continuation"] = json!("");
        (response.status, body, response.header("cache-control").map(str::to_owned), response.set_cookie())
    };
    // The mails wait until the table is back.
    app.database.db_execute("ALTER TABLE users RENAME TO hidden");
    let taken = register(&app, "ann", &json!({"name": "Mallory"})).await.assert_status(202);
    let free = register(&app, "eve", &json!({"name": "Mallory"})).await.assert_status(202);
    assert_eq!(shape(&taken), shape(&free));
    let hashes = "SELECT data AS value FROM proofs WHERE data LIKE '%password_hash%'";
    assert_eq!(app.database.db_texts(hashes).len(), 2, "both passwords are hashed");
    app.database.db_execute("ALTER TABLE hidden RENAME TO users");
    app.settle().await;

    let (_, code) = app.link("eve@example.org", "register").await;
    let mails = app.mails("ann@example.org");
    let told = mails.iter().find(|mail| mail.text.contains("You already have an account"));
    let told = told.expect("a mail that tells Ann");
    assert!(!told.text.contains("/register#") && !told.text.contains("Mallory"), "{}", told.text);
    assert_eq!(told.code(), None);
    assert_eq!(app.database.db_texts(hashes).len(), 1, "the registration of a taken address is deleted");
    let wrong = async |response: &Response| {
        let response = confirm_code(&app, &continuation(response), "00000000").await;
        (response.status, response.text())
    };
    for _ in 0..4 {
        assert_eq!(wrong(&taken).await, wrong(&free).await);
        app.advance(TimeDelta::seconds(1));
    }
    assert_eq!(wrong(&taken).await.0, 401);
    assert_eq!(wrong(&taken).await.0, 410);
    // Limited alike.
    let again = [register(&app, "ann", &json!({})).await, register(&app, "eve", &json!({})).await];
    let [known, unknown] = again.map(|response| response.assert_problem(429, "too_many_requests").text());
    assert_eq!(known, unknown);
    app.advance(TimeDelta::minutes(1));
    confirm_code(&app, &continuation(&free), &code.expect("a code")).await.assert_status(201);
    let again = app.log_in("ann").await;
    assert_eq!(app.get_json(&again, "/auth/me").await["name"], "Ann");
}

#[actix_web::test]
async fn the_mail_about_a_taken_address_is_tried_again() {
    let app = MailApp::with(&[&REQUIRED[..], &["--metrics-addr", "127.0.0.1:0"]].concat()).await;
    let ann = pending(&app, "ann", &json!({})).await;
    confirm_code(&app, &ann.continuation, &ann.code).await.assert_status(201);
    app.advance(TimeDelta::minutes(2));
    register(&app, "ann", &json!({})).await.assert_status(202);
    app.settle().await;
    // The second mail is counted once its row is written.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let url = format!("{}/metrics", app.metrics_url.as_ref().expect("a listener"));
    let metrics = Call::new(awc::http::Method::GET, url).send().await.text();
    for line in [
        r#"mails_total{kind="register",outcome="sent"} 1"#,
        r#"mails_total{kind="already_registered",outcome="sent"} 1"#,
        r#"registrations_total{result="requested"} 2"#,
        r#"registrations_total{result="succeeded"} 1"#,
        r#"proofs_total{purpose="register",outcome="requested"} 2"#,
        r#"proofs_total{purpose="register",outcome="used"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    // As after a temporary failure of the mail server.
    app.database.db_execute("UPDATE mails SET sent_at = NULL, outcome = NULL");
    app.settle().await;
    let outcomes = app.database.db_texts("SELECT outcome AS value FROM mails ORDER BY created_at");
    assert!(
        outcomes[0].starts_with("the link is used") && outcomes[1].contains("already_registered"),
        "{outcomes:?}"
    );
}

#[actix_web::test]
async fn an_address_belongs_to_the_first_registration_that_proves_it() {
    let app = MailApp::with(&REQUIRED).await;
    let first = pending(&app, "ann", &json!({"name": "First"})).await;
    app.advance(TimeDelta::minutes(2));
    let second = continuation(&register(&app, "ann", &json!({"name": "Second"})).await.assert_status(202));
    app.settle().await;
    let codes = app.mails("ann@example.org").into_iter().filter_map(|mail| mail.code());
    let code = codes.into_iter().find(|code| *code != first.code).expect("another code");
    app.advance(TimeDelta::seconds(1));
    confirm_code(&app, &first.continuation, &first.code).await.assert_status(201);
    confirm_code(&app, &second, "00000000").await.assert_problem(401, "invalid_code");
    // Only the owner of the mailbox learns that.
    confirm_code(&app, &second, &code).await.assert_problem(409, "email_taken");
    assert_eq!(users(&app), 1);
    let names = app.database.db_texts("SELECT name AS value FROM users");
    assert_eq!(names, ["First"]);
    // A mail that is late does not tell the owner that they have an account.
    app.database.db_execute("UPDATE mails SET sent_at = NULL, outcome = NULL");
    app.settle().await;
    let outcomes = app.database.db_texts("SELECT outcome AS value FROM mails ORDER BY created_at");
    assert_eq!(outcomes[1], "another registration of this address was completed");
}

#[actix_web::test]
async fn twenty_confirmations_create_one_user() {
    let app = MailApp::with(&REQUIRED).await;
    let ann = pending(&app, "ann", &json!({})).await;
    let bodies = [
        json!({"continuation": ann.continuation, "code": ann.code}),
        json!({"continuation": ann.continuation, "token": ann.token}),
        json!({"token": ann.token, "password": PASSWORD}),
    ];
    let responses = join_all((0..20).map(|number| confirm(&app, &bodies[number % 3]))).await;
    let mut statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 401, 410, 429, 503].contains(status)), "{statuses:?}");
    assert_eq!(users(&app), 1);
}

#[actix_web::test]
async fn a_username_that_was_taken_meanwhile_leaves_the_link_valid() {
    let app = MailApp::with(&REQUIRED).await;
    let ann = pending(&app, "ann", &json!({"username": "max"})).await;
    let bob = pending(&app, "bob", &json!({"username": "max"})).await;
    confirm_code(&app, &bob.continuation, &bob.code).await.assert_status(201);
    for _ in 0..6 {
        let response = confirm_code(&app, &ann.continuation, &ann.code).await;
        let problem = response.assert_problem(422, "invalid_input").json();
        assert_eq!(problem["fields"]["username"], "is taken");
    }
    let taken = register(&app, "eve", &json!({"username": "max"})).await;
    taken.assert_problem(422, "invalid_input");
    // Nor may the address make a difference then.
    let taken = register(&app, "bob", &json!({"username": "max"})).await;
    taken.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn passwords_at_a_link_are_limited_like_those_of_logins() {
    let app = MailApp::with(&REQUIRED).await;
    let ann = pending(&app, "ann", &json!({})).await;
    let guess =
        async |password: &str| confirm(&app, &json!({"token": ann.token, "password": password})).await;
    for number in 0..5 {
        guess(&format!("wrong {number}")).await.assert_problem(401, "invalid_credentials");
    }
    guess(PASSWORD).await.assert_problem(429, "too_many_requests");
    app.advance(TimeDelta::minutes(1));
    guess(PASSWORD).await.assert_status(201);
    app.log_in("ann").await;
}

#[actix_web::test]
async fn mistakes_are_reported_before_a_mail_is_sent() {
    let app = MailApp::with(&REQUIRED).await;
    for members in [
        json!({"password": "password1"}),
        json!({"audience": "unknown"}),
        json!({"email": "nobody"}),
        json!({"token_delivery": "pigeon"}),
    ] {
        register(&app, "ann", &members).await.assert_problem(422, "invalid_input");
    }
    assert!(app.database.db_texts("SELECT id AS value FROM proofs").is_empty());
    let ann = pending(&app, "ann", &json!({})).await;
    for (body, field) in [
        (json!({}), "token"),
        (json!({"token": ann.token, "code": ann.code}), "token"),
        (json!({"code": ann.code}), "continuation"),
        (json!({"continuation": ann.continuation}), "code"),
        (json!({"token": ann.token, "password": ""}), "password"),
        (json!({"token": ann.token, "password": PASSWORD, "audience": "unknown"}), "audience"),
        (json!({"token": ann.token, "password": PASSWORD, "email": "ann@example.org"}), "email"),
    ] {
        let problem = confirm(&app, &body).await.assert_problem(422, "invalid_input").json();
        assert!(problem["fields"][field].is_string(), "{problem}");
    }
    assert_eq!(users(&app), 0);
}

#[actix_web::test]
async fn the_requester_is_limited_by_address_too() {
    let app = MailApp::with(&[&REQUIRED[..], &["--mail-rate-per-ip", "2"]].concat()).await;
    for name in ["a", "b"] {
        register(&app, name, &json!({})).await.assert_status(202);
    }
    register(&app, "c", &json!({})).await.assert_problem(429, "too_many_requests");
}
