//! `auth-server users` and `auth-server sessions`, run while a server uses the database.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;
use shared_claims::{Clock, SystemClock};
use test_support::TestDatabase;

use crate::app::{ISSUER, KEY_SECRET, PASSWORD, Session, TestApp, claims};
use crate::command::{self, Outcome};

/// Commands use the real time, so the server does too.
pub async fn start(flags: &[&str]) -> TestApp {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let clock = ManualClock::at(SystemClock.now());
    TestApp::launch(Arc::new(TestDatabase::fresh()), clock, flags).await.expect("a server")
}

fn users(app: &TestApp, arguments: &[&str]) -> Outcome {
    command::run(&app.database, &[&["users"], arguments].concat(), &[])
}

fn sessions(app: &TestApp, arguments: &[&str]) -> Outcome {
    command::run(&app.database, &[&["sessions"], arguments].concat(), &[])
}

fn password(outcome: &Value) -> String {
    let password = outcome["password"].as_str().expect("a password").to_owned();
    test_support::evidence::secret(&password);
    password
}

#[actix_web::test]
async fn a_user_created_by_command_can_log_in_with_the_printed_password() {
    let app = start(&["--registration", "closed"]).await;
    let arguments = [
        "create",
        " Ann@Example.ORG",
        "--username",
        "Ann",
        "--name",
        "Ann B",
        "--role",
        "admin",
        "--role",
        "b",
    ];
    let made = users(&app, &[&arguments[..], &["--claims", r#"{"plan":"team"}"#, "--json"]].concat()).json();
    let password = password(&made);
    let change = json!({"password": password, "new_password": PASSWORD});
    let session = Session::of(&app.try_login("ann", &change).await.assert_status(200));
    let token = claims(&session.access_token);
    assert_eq!(
        (&token["roles"], &token["plan"], &token["name"]),
        (&json!(["admin", "b"]), &json!("team"), &json!("Ann B"))
    );
    let shown = app.get_json(&session, &format!("/admin/users/{}", session.user_id)).await;
    assert_eq!(shown["username"], "ann");
    assert!(!app.database.db_dump().contains(&password));
    assert!(users(&app, &["show", "ann", "--json"]).json().get("password").is_none());
    let event = app.get_json(&session, "/admin/events?type=registered").await["items"][0].clone();
    assert_eq!((&event["user_id"], &event["details"]["by"]), (&json!(session.user_id), &json!("operator")));
}

#[actix_web::test]
async fn a_password_from_standard_input_must_meet_the_rules() {
    let app = start(&[]).await;
    let arguments = ["users", "create", "ann@example.org", "--password-stdin", "--json"];
    let create = |input: &str| command::run_with_input(&app.database, &arguments, &[], input);
    create("").assert_rejected("the first line of standard input is not a password");
    create("short\n").assert_rejected("must be at least 9 characters long");
    create("ann@example.org\n").assert_rejected("too easy to guess");
    let made = create(&format!("{PASSWORD}\nanother line\n")).json();
    assert!(made.get("password").is_none(), "a password from standard input is not printed");
    app.try_login("ann", &json!({})).await.assert_problem(403, "password_change_required");
    create(PASSWORD).assert_rejected("the e-mail address is taken");
}

#[actix_web::test]
async fn a_password_reset_ends_the_sessions_of_the_old_password() {
    let app = start(&[]).await;
    let ann = app.register("ann").await;
    let reset = users(&app, &["reset-password", "ann@example.org", "--json"]).json();
    app.refresh(&ann.refresh_token).await.assert_ended("password_changed");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    app.try_login("ann", &json!({"password": password(&reset)}))
        .await
        .assert_problem(403, "password_change_required");
    let versions = "SELECT CAST(version AS TEXT) AS value FROM users";
    assert_eq!(app.database.db_text(versions), "2");
    let details = "SELECT type || details AS value FROM events WHERE type IN ('password_changed', 'session_ended') ORDER BY id";
    let expected = [
        r#"password_changed{"by":"operator"}"#,
        r#"session_ended{"by":"operator","reason":"password_changed"}"#,
    ];
    assert_eq!(app.database.db_texts(details), expected);
    let arguments = ["users", "reset-password", "ann@example.org", "--password-stdin"];
    command::run_with_input(&app.database, &arguments, &[], "aaaaaaaaaaaa\n")
        .assert_rejected("the password is too easy to guess");
}

#[actix_web::test]
async fn deletion_requires_confirmation_and_leaves_nothing() {
    let app = start(&[]).await;
    let ann = app.register("ann").await;
    users(&app, &["delete", "ann@example.org"]).assert_rejected("not a terminal; pass --yes to confirm");
    app.me(&ann.refresh_token).await.assert_status(200);
    assert_eq!(
        users(&app, &["delete", &ann.user_id, "--yes", "--json"]).json(),
        json!({"deleted": ann.user_id})
    );
    app.refresh(&ann.refresh_token).await.assert_ended("user_deleted");
    app.get("/auth/me").bearer(&ann.access_token).send().await.assert_ended("user_deleted");
    users(&app, &["delete", &ann.user_id, "--yes"]).assert_rejected("no user matches");
    let left = app
        .database
        .db_texts("SELECT type || details AS value FROM events WHERE user_id IS NOT NULL ORDER BY id");
    assert_eq!(left, ["registered{}", r#"user_deleted{"by":"operator"}"#]);
    assert!(!app.database.db_dump().contains("ann@example.org"));
}

#[actix_web::test]
async fn commands_cannot_remove_the_last_administrator() {
    let app = start(&[]).await;
    let root = app.db_administrator("root").await;
    let second = app.db_administrator("second").await;
    users(&app, &["disable", "second@example.org"]).assert_succeeded();
    let before = app.database.db_content();
    let reason = "the last enabled administrator cannot be demoted, disabled or deleted";
    for arguments in [
        &["set-roles", &root.user_id, "--none"][..],
        &["set-roles", "root@example.org", "editor"],
        &["disable", "root@example.org"],
        &["delete", "root@example.org", "--yes"],
    ] {
        users(&app, arguments).assert_rejected(reason);
    }
    assert_eq!(app.database.db_content(), before);
    users(&app, &["enable", &second.user_id]).assert_succeeded();
    users(&app, &["delete", "root@example.org", "--yes"]).assert_succeeded();
}

#[actix_web::test]
async fn commands_and_admin_calls_show_the_same_data() {
    let app = start(&[]).await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    users(&app, &["set-claims", "ann@example.org", r#"{"plan":"team"}"#]).assert_succeeded();
    users(&app, &["disable", "ann@example.org"]).assert_succeeded();
    let shown = users(&app, &["show", &ann.user_id, "--json"]).json();
    assert_eq!(shown, app.get_json(&root, &format!("/admin/users/{}", ann.user_id)).await);
    for (arguments, query) in
        [(&["list"][..], ""), (&["list", "--limit", "1"], "limit=1"), (&["search", "ro"], "q=ro")]
    {
        let listed = users(&app, &[arguments, &["--json"]].concat()).json();
        let mut shown = app.get_json(&root, &format!("/admin/users?{query}")).await;
        shown.as_object_mut().unwrap().remove("total");
        assert_eq!(listed, shown);
    }
    let mut seen = app.get_json(&root, &format!("/admin/users/{}/sessions", root.user_id)).await;
    seen["items"][0].as_object_mut().unwrap().remove("current");
    assert_eq!(sessions(&app, &["list", "root@example.org", "--json"]).json(), seen);
}

#[actix_web::test]
async fn tables_are_readable_and_print_the_next_cursor() {
    let app = start(&[]).await;
    let ann = app.register("ann").await;
    app.register("bob").await;
    let listed = users(&app, &["list", "--limit", "1"]).out;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("E-MAIL ") && lines[1].starts_with("ann@example.org "), "{listed}");
    let cursor = lines[2].strip_prefix("next page: --cursor ").expect(&listed);
    let next = users(&app, &["list", "--limit", "1", "--cursor", cursor]).out;
    assert!(next.contains("bob@example.org") && next.lines().count() == 2, "{next}");
    let shown = users(&app, &["show", "ann@example.org"]).out;
    assert!(shown.contains(&ann.user_id) && !shown.contains("argon2"), "{shown}");
    let table = sessions(&app, &["list", "ann@example.org"]).out;
    assert!(table.contains(claims(&ann.refresh_token)["sid"].as_str().unwrap()), "{table}");
}

#[actix_web::test]
async fn an_operator_can_end_one_session_or_all() {
    let app = start(&[]).await;
    let phone = app.register("ann").await;
    let desk = app.log_in("ann").await;
    let other = app.register("bob").await;
    let sid = claims(&phone.refresh_token)["sid"].as_str().unwrap().to_owned();
    sessions(&app, &["end", "bob@example.org", &sid])
        .assert_rejected("bob@example.org has no active session");
    assert_eq!(sessions(&app, &["end", "ann@example.org", &sid, "--json"]).json(), json!({"ended": 1}));
    sessions(&app, &["end", "ann@example.org", &sid]).assert_rejected("has no active session");
    app.refresh(&phone.refresh_token).await.assert_ended("revoked");
    let beginning = claims(&desk.refresh_token)["sid"].as_str().unwrap()[..8].to_owned();
    sessions(&app, &["end", "ann@example.org", &beginning[..7]]).assert_rejected("has no active session");
    assert_eq!(
        sessions(&app, &["end", "ann@example.org", &beginning]).out,
        "ended 1 session of ann@example.org\n"
    );
    let desk = app.log_in("ann").await;
    assert_eq!(sessions(&app, &["end", &phone.user_id, "--json"]).json(), json!({"ended": 1}));
    app.refresh(&desk.refresh_token).await.assert_ended("revoked");
    app.refresh(&other.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn all_sessions_but_the_newest_can_be_ended() {
    let app = start(&[]).await;
    let first = app.register("ann").await;
    app.clock.advance(TimeDelta::seconds(60));
    let second = app.log_in("ann").await;
    app.clock.advance(TimeDelta::seconds(60));
    let newest = app.log_in("ann").await;
    app.clock.advance(TimeDelta::seconds(60));
    let first = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    let end = ["end", "ann@example.org", "--all-but-newest", "--json"];
    assert_eq!(sessions(&app, &end).json(), json!({"ended": 2}));
    for ended in [&first, &second] {
        app.refresh(&ended.refresh_token).await.assert_ended("revoked");
    }
    app.refresh(&newest.refresh_token).await.assert_status(200);
    assert_eq!(sessions(&app, &end).json(), json!({"ended": 0}));
    let details = "SELECT details AS value FROM events WHERE type = 'session_ended'";
    assert_eq!(app.database.db_texts(details), [r#"{"by":"operator","reason":"revoked"}"#; 2]);
    sessions(&app, &["end", "ann@example.org", "3f2a9c1e", "--all-but-newest"])
        .assert_rejected("cannot be used with");
}

#[actix_web::test]
async fn an_invited_person_creates_an_account_with_the_printed_link() {
    let app = start(&["--registration", "closed"]).await;
    let invite = |arguments: &[&str]| {
        let secret = [("KEY_ENCRYPTION_SECRET", KEY_SECRET), ("ISSUER", ISSUER)];
        command::run(&app.database, &[&["users", "invite"], arguments].concat(), &secret)
    };
    let invited =
        invite(&["ann@example.org", "--role", "admin", "--claims", r#"{"plan":"team"}"#, "--json"]).json();
    let link = invited["link"].as_str().expect("a link");
    let token = link.strip_prefix("http://localhost:8080/invitation#").expect("the page");
    test_support::evidence::secret(token);
    let body = json!({"token": token, "password": PASSWORD});
    let response = app.post("/auth/invitations/accept").json(&body).send().await.assert_status(201);
    let ann = Session::of(&response);
    assert_eq!(claims(&ann.access_token)["plan"], "team");
    assert_eq!(
        app.get_json(&ann, "/admin/events?type=invited").await["items"][0]["details"]["by"],
        "operator"
    );
    invite(&["ann@example.org"]).assert_rejected("a user has this address");
    let text = invite(&["bob@example.org"]);
    assert!(text.out.starts_with("invited\n") && text.out.contains("/invitation#"), "{}", text.out);
    users(&app, &["invite", "eve@example.org"]).assert_rejected("KEY_ENCRYPTION_SECRET is not set");

    assert_eq!(app.get_json(&ann, "/auth/me").await["email_verified"], false);
    assert_eq!(users(&app, &["verify-email", "ann@example.org", "--json"]).json()["email_verified"], true);
    assert_eq!(app.get_json(&ann, "/auth/me").await["email_verified"], true);
}

#[actix_web::test]
async fn while_mail_is_on_the_link_of_an_invitation_is_mailed_and_not_printed() {
    let app = start(&[]).await;
    let on = [("KEY_ENCRYPTION_SECRET", KEY_SECRET), ("MAIL_TRANSPORT", "file"), ("MAIL_LOCALE", "de")];
    let invite =
        |arguments: &[&str]| command::run(&app.database, &[&["users", "invite"], arguments].concat(), &on);
    let invited = invite(&["ann@example.org", "--json"]).json();
    assert_eq!((&invited["email"], invited.get("link")), (&json!("ann@example.org"), None));
    let text = invite(&["bob@example.org", "--locale", "en"]).out;
    assert!(text.contains("queued: a running server sends the link") && !text.contains("http"), "{text}");
    let mails = app
        .database
        .db_texts("SELECT recipient || ' ' || kind || ' ' || locale AS value FROM mails ORDER BY recipient");
    assert_eq!(mails, ["ann@example.org invite de", "bob@example.org invite en"]);
}

#[actix_web::test]
async fn lists_are_available_as_csv() {
    let app = start(&[]).await;
    let ann = app.register("ann").await;
    app.register("bob").await;
    users(&app, &["set-roles", "ann@example.org", "b", "a"]).assert_succeeded();
    let page = users(&app, &["list", "--limit", "1", "--format", "csv"]);
    let lines: Vec<&str> = page.out.lines().collect();
    assert_eq!(
        lines[0],
        "email,email_verified,username,name,roles,disabled,disabled_at,created_at,last_login_at,claims,id"
    );
    assert!(
        lines[1].starts_with("ann@example.org,false,,")
            && lines[1].ends_with(&format!(",{{}},{}", ann.user_id))
    );
    assert!(lines[1].contains(",b a,false,,20") && lines.len() == 2, "{}", page.out);
    assert!(page.error.starts_with("next page: --cursor "), "{}", page.error);
    let table = sessions(&app, &["list", "ann@example.org", "--format", "csv"]).out;
    assert!(table.starts_with("device,ip,created_at,last_used_at,expires_at,user_agent,id\n"), "{table}");
}

#[actix_web::test]
async fn invalid_arguments_are_rejected_in_one_line() {
    let app = start(&[]).await;
    app.register("ann").await;
    for (arguments, reason) in [
        (&["show", "nobody"][..], "no user matches nobody"),
        (&["show", "a b"], "expected an id, an e-mail address or a username"),
        (&["set-roles", "ann@example.org"], "ROLES"),
        (&["set-roles", "ann@example.org", "Admin"], "must be 1 to 32 characters"),
        (&["set-roles", "ann@example.org", "x", "--none"], "--none"),
        (&["set-claims", "ann@example.org", "[]"], "must be a JSON object"),
        (&["set-claims", "ann@example.org", r#"{"a":1,"a":2}"#], "must be a JSON object"),
        (&["set-claims", "ann@example.org", r#"{"sub":1}"#], "reserved"),
        (&["create", "ann"], "is not an e-mail address"),
        (&["create", "bob@example.org", "--username", "a@b"], "'--username <USERNAME>': may contain only"),
        (&["list", "--cursor", "x"], "--cursor"),
        (&["list", "--limit", "0"], "--limit"),
        (&["list", "--json", "--format", "csv"], "cannot be used with"),
        (&["list", "--format", "xml"], "possible values"),
    ] {
        users(&app, arguments).assert_rejected(reason);
    }
}
