//! Notices: mails about security events, written in the transaction of the event.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{Call, Response, SmtpServer, SmtpTls};

use crate::app::{PASSWORD, Session, TestApp};
use crate::cli::users as cli;
use crate::command;
use crate::mail::outbox::MailApp as SmtpApp;
use crate::mailbox::MailApp;

pub const HOME: &str = "203.0.113.7";
pub const AWAY: &str = "198.51.100.1";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
pub const NEW: &str = "seven quiet maps paint an otter";
pub const PROXY: [&str; 2] = ["--trusted-proxies", "127.0.0.1"];

pub async fn start() -> MailApp {
    MailApp::with(&[&["--mail-notices", "all"][..], &PROXY].concat()).await
}

pub fn from(call: Call, address: &str) -> Call {
    call.header("x-forwarded-for", address).header("user-agent", FIREFOX)
}

pub async fn register(app: &TestApp, name: &str) -> Session {
    let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    let call = from(app.post("/auth/register"), HOME).json(&user);
    Session::of(&call.send().await.assert_status(201))
}

pub fn login(app: &TestApp, address: &str) -> Call {
    login_with(app, address, PASSWORD)
}

pub fn login_with(app: &TestApp, address: &str, password: &str) -> Call {
    let body = json!({"email": "ann@example.org", "password": password});
    from(app.post("/auth/login"), address).json(&body)
}

/// Kind and recipient of each notice, in order.
pub fn notices(app: &TestApp) -> Vec<String> {
    let sql = "SELECT kind || ' ' || recipient AS value FROM mails WHERE proof_id IS NULL ORDER BY created_at, kind, recipient";
    app.database.db_texts(sql)
}

/// The values of the only notice of this kind.
fn data(app: &TestApp, kind: &str) -> Value {
    let sql = format!("SELECT data AS value FROM mails WHERE kind = '{kind}'");
    serde_json::from_str(&app.database.db_text(&sql)).expect("JSON")
}

pub async fn change_password(app: &TestApp, session: &Session, current: &str, new: &str) -> Response {
    let body = json!({"current_password": current, "new_password": new});
    from(app.post("/auth/password"), HOME).cookie(&session.refresh_token).json(&body).send().await
}

#[actix_web::test]
async fn of_racing_reuses_in_several_sessions_one_is_reported() {
    let app = start().await;
    let other = app.another().await;
    register(&app, "ann").await;
    let mut spent = Vec::new();
    for _ in 0..8 {
        let session = Session::of(&login(&app, HOME).send().await.assert_status(200));
        app.refresh(&session.refresh_token).await.assert_status(200);
        spent.push(session.refresh_token);
    }
    app.advance(TimeDelta::seconds(11));
    let reuses = spent.iter().enumerate().map(|(number, token)| {
        let server: &TestApp = if number % 2 == 0 { &app } else { &other };
        from(server.post("/auth/refresh"), AWAY).cookie(token).send()
    });
    for response in join_all(reuses).await {
        response.assert_ended("reuse_detected");
    }
    assert_eq!(notices(&app), ["session_stolen ann@example.org"]);
    assert_eq!(data(&app, "session_stolen")["ip"], AWAY);
}

#[actix_web::test]
async fn new_passwords_are_reported() {
    let app = start().await;
    app.db_administrator("root").await;
    let ann = register(&app, "ann").await;
    change_password(&app, &ann, PASSWORD, NEW).await.assert_status(200);
    assert_eq!(notices(&app), ["password_changed ann@example.org"]);
    let sql = "SELECT created_at || ' ' || expires_at AS value FROM mails";
    let times = app.database.db_text(sql).replace('T', " ");
    let (created, expires) = times.split_at(times.len() / 2);
    let parse = |text: &str| {
        text.trim()
            .parse::<chrono::NaiveDateTime>()
            .or_else(|_| chrono::NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M:%S%.f"))
    };
    assert_eq!(parse(expires).unwrap() - parse(created).unwrap(), TimeDelta::hours(48));

    // One of a kind in ten minutes.
    let again = Session::of(&login_with(&app, HOME, NEW).send().await.assert_status(200));
    change_password(&app, &again, NEW, PASSWORD).await.assert_status(200);
    assert_eq!(notices(&app).len(), 1);
    app.advance(TimeDelta::minutes(10));
    let again = Session::of(&login(&app, HOME).send().await.assert_status(200));
    change_password(&app, &again, PASSWORD, NEW).await.assert_status(200);
    assert_eq!(notices(&app).len(), 2);

    let root = app.log_in("root").await;
    let path = format!("/admin/users/{}/password-reset", ann.user_id);
    app.post(&path).cookie(&root.refresh_token).send().await.assert_status(202);
    app.settle().await;
    let link = app.mails("ann@example.org").into_iter().find(|mail| mail.text.contains("/reset#"));
    let token = link.expect("a link").token("reset");
    let body = json!({"token": token, "new_password": PASSWORD});
    from(app.post("/auth/password/reset"), AWAY).json(&body).send().await.assert_status(204);
    assert_eq!(notices(&app).last().expect("a notice"), "password_reset ann@example.org");
    assert_eq!(data(&app, "password_reset")["ip"], AWAY);
}

#[actix_web::test]
async fn the_present_address_learns_of_a_requested_change_and_both_of_the_change() {
    let app = start().await;
    app.db_administrator("root").await;
    let ann = register(&app, "ann").await;
    let request = async |email: &str| {
        let call = from(app.post("/auth/email"), AWAY).cookie(&ann.refresh_token);
        call.json(&json!({"email": email})).send().await.assert_status(202);
    };
    request("win-a-prize@example.org").await;
    assert_eq!(notices(&app), ["email_change_requested ann@example.org"]);
    app.settle().await;
    let mail = &app.mails("ann@example.org")[0].text;
    // The user has not proved the address: it may belong to a person who must not read this.
    assert!(mail.contains(&format!("Address: {AWAY}")) && !mail.contains("win-a-prize"), "{mail}");

    app.database.db_execute("UPDATE users SET email_verified_at = created_at");
    app.advance(TimeDelta::minutes(2));
    request("new@example.org").await;
    let requested = "email_change_requested ann@example.org";
    assert_eq!(notices(&app), [requested], "one in ten minutes");
    app.settle().await;
    let mails = app.mails("new@example.org");
    let body = json!({"token": mails[0].token("change")});
    let confirm = from(app.post("/auth/email/confirm"), HOME).cookie(&ann.refresh_token).json(&body);
    confirm.send().await.assert_status(200);
    let changed = ["email_changed ann@example.org", "email_changed new@example.org"];
    assert_eq!(notices(&app), [&[requested][..], &changed].concat());
    app.settle().await;
    for to in ["ann@example.org", "new@example.org"] {
        let mails = app.mails(to);
        let both = |mail: &&crate::mailbox::Mail| {
            mail.text.contains("changed from ann@example.org to") && mail.text.contains("new@example.org")
        };
        assert!(mails.iter().any(|mail| both(&mail)), "{mails:?}");
    }

    app.advance(TimeDelta::minutes(10));
    let root = app.log_in("root").await;
    let change = json!({"email": "third@example.org"});
    app.change_user(&root, &ann.user_id, &change).await.assert_status(200);
    let by_administrator = ["email_changed new@example.org", "email_changed third@example.org"];
    assert_eq!(notices(&app)[3..], by_administrator);
    app.settle().await;
    let [mail] = &app.mails("third@example.org")[..] else { panic!("not one mail") };
    assert!(
        mail.text.contains("An administrator made this change") && !mail.text.contains("new@example.org")
    );
}

#[actix_web::test]
async fn each_address_that_loses_the_account_gets_a_notice_even_minutes_after_another_change() {
    let app = start().await;
    let ann = register(&app, "ann").await;
    for name in ["bea", "cleo"] {
        let email = format!("{name}@example.org");
        let request = from(app.post("/auth/email"), AWAY).cookie(&ann.refresh_token);
        request.json(&json!({"email": email})).send().await.assert_status(202);
        let (token, _) = app.link(&email, "change").await;
        app.advance(TimeDelta::minutes(1));
        let confirm = from(app.post("/auth/email/confirm"), AWAY).cookie(&ann.refresh_token);
        confirm.json(&json!({"token": token})).send().await.assert_status(200);
        app.advance(TimeDelta::minutes(1));
    }
    let expected = [
        "email_change_requested ann@example.org",
        "email_changed ann@example.org",
        "email_changed bea@example.org",
        "email_change_requested bea@example.org",
        "email_changed bea@example.org",
        "email_changed cleo@example.org",
    ];
    assert_eq!(notices(&app), expected);
}

#[actix_web::test]
async fn a_disabled_user_and_a_deleted_one_still_get_the_mail() {
    let app = start().await;
    let root = app.db_administrator("root").await;
    let [ann, bob] = [register(&app, "ann").await, register(&app, "bob").await];
    app.change_user(&root, &bob.user_id, &json!({"disabled": true})).await.assert_status(200);
    assert_eq!(notices(&app), ["account_disabled bob@example.org"]);
    let mail = app.mail("bob@example.org").await.text;
    // Where the administrator is does not concern the user.
    assert!(!mail.contains("Device:") && !mail.contains("127.0.0.1"), "{mail}");

    let delete = from(app.call(awc::http::Method::DELETE, "/auth/me"), AWAY).cookie(&ann.refresh_token);
    delete.send().await.assert_status(204);
    let mail = app.mail("ann@example.org").await.text;
    let device = format!("Address: {AWAY}");
    for text in ["Your account and its data were deleted", "Device: Firefox on Linux", &device] {
        assert!(mail.contains(text), "{text}: {mail}");
    }
    let sql = "SELECT COALESCE(ip, '-') AS value FROM events WHERE type = 'user_deleted'";
    assert_eq!(app.database.db_texts(sql), ["-"]);
}

#[actix_web::test]
async fn commands_are_reported_too_while_mail_is_on() {
    let app = cli::start(&[]).await;
    for name in ["ann", "bob"] {
        app.register(name).await;
    }
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        command::run(&app.database, arguments, variables).assert_succeeded();
    };
    run(&["users", "disable", "ann@example.org"], &[]);
    assert_eq!(notices(&app), [""; 0]);
    let on = [("MAIL_TRANSPORT", "file"), ("MAIL_LOCALE", "de")];
    run(&["users", "disable", "bob@example.org"], &on);
    run(&["users", "delete", "ann@example.org", "--yes"], &on);
    assert_eq!(notices(&app), ["account_disabled bob@example.org", "account_deleted ann@example.org"]);
    assert_eq!(app.database.db_texts("SELECT DISTINCT locale AS value FROM mails"), ["de"]);
    assert_eq!(data(&app, "account_deleted")["by_administrator"], true);
}

#[actix_web::test]
async fn an_event_that_is_rolled_back_is_not_reported() {
    let app = start().await;
    let root = app.db_administrator("root").await;
    let ann = register(&app, "ann").await;
    // The last statement of the transaction fails.
    app.database.db_execute("ALTER TABLE revocations RENAME TO revocations_elsewhere");
    let response = app.change_user(&root, &ann.user_id, &json!({"disabled": true})).await;
    assert!(response.status >= 500, "{}", response.text());
    assert_eq!(notices(&app), [""; 0]);
    app.database.db_execute("ALTER TABLE revocations_elsewhere RENAME TO revocations");
    app.change_user(&root, &ann.user_id, &json!({"disabled": true})).await.assert_status(200);
    assert_eq!(notices(&app), ["account_disabled ann@example.org"]);
}

#[actix_web::test]
async fn notices_are_queued_when_the_queue_is_full_and_do_not_use_up_the_limit_of_requested_mails() {
    let server = SmtpServer::start(SmtpTls::StartTls);
    server.set_fault(Some(test_support::SmtpFault::Recipient(451)));
    let flags = ["--mail-queue-limit", "1", "--email-verification", "off"];
    let app = SmtpApp::start(&server, &flags).await;
    let ann = app.app.register("ann").await;
    let forgot = || app.app.post("/auth/password/forgot").json(&json!({"email": "ann@example.org"})).send();
    change_password(&app.app, &ann, PASSWORD, NEW).await.assert_status(200);
    app.wait_for_state("full").await;
    forgot().await.assert_status(202);
    assert_eq!(app.db_count("kind = 'reset'"), 0);
    app.app.advance(TimeDelta::minutes(10));
    let again = app.app.try_login("ann", &json!({"password": NEW})).await.assert_status(200);
    change_password(&app.app, &Session::of(&again), NEW, PASSWORD).await.assert_status(200);
    assert_eq!(app.db_count("kind = 'password_changed'"), 2);
    server.set_fault(None);
    app.app.advance(TimeDelta::minutes(10));
    app.wait_for_state("ok").await;
    let again = app.app.log_in("ann").await;
    change_password(&app.app, &again, PASSWORD, NEW).await.assert_status(200);
    assert_eq!(app.db_count("kind = 'password_changed'"), 3);
    forgot().await.assert_status(202);
    assert_eq!(app.db_count("kind = 'reset'"), 1);
}

#[actix_web::test]
async fn mail_notices_selects_the_kinds() {
    let app = MailApp::with(&["--mail-notices", "account_disabled, password_reset"]).await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    change_password(&app, &ann, PASSWORD, NEW).await.assert_status(200);
    app.change_user(&root, &ann.user_id, &json!({"disabled": true})).await.assert_status(200);
    assert_eq!(notices(&app), ["account_disabled ann@example.org"]);
}

#[actix_web::test]
async fn without_mail_or_notices_there_are_no_rows() {
    for app in [TestApp::start().await, MailApp::with(&["--mail-notices", "none"]).await.app] {
        let ann = app.register("ann").await;
        change_password(&app, &ann, PASSWORD, NEW).await.assert_status(200);
        app.try_login("ann", &json!({"password": NEW})).await.assert_status(200);
        assert_eq!(notices(&app), [""; 0]);
    }
}

#[actix_web::test]
async fn a_notice_has_the_language_of_the_user_or_of_the_browser() {
    let app = start().await;
    for name in ["ann", "bob", "cy"] {
        let user = register(&app, name).await;
        let id = &user.user_id;
        if name == "ann" {
            app.database.db_execute(&format!("UPDATE users SET locale = 'en' WHERE id = '{id}'"));
        }
        let body = json!({"current_password": PASSWORD, "new_password": NEW});
        let call = from(app.post("/auth/password"), HOME).cookie(&user.refresh_token);
        let call = if name == "cy" { call } else { call.header("accept-language", "de-DE,de;q=0.9") };
        call.json(&body).send().await.assert_status(200);
    }
    let sql = "SELECT recipient || ' ' || locale AS value FROM mails ORDER BY recipient";
    assert_eq!(
        app.database.db_texts(sql),
        ["ann@example.org en", "bob@example.org de-de", "cy@example.org en"]
    );
    let mail = app.mail("bob@example.org").await.text;
    assert!(mail.contains("Das Passwort Ihres Kontos wurde"), "{mail}");
}

#[actix_web::test]
async fn metrics_count_each_mail_by_the_kind_that_is_sent() {
    let flags =
        ["--mail-notices", "all", "--email-verification", "required", "--metrics-addr", "127.0.0.1:0"];
    let app = MailApp::with(&flags).await;
    let without_mail = app.another_with(&[]).await.expect("a server");
    let ann = without_mail.register("ann").await;
    change_password(&app, &ann, PASSWORD, NEW).await.assert_status(200);
    for name in ["ann", "bob"] {
        let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        app.post("/auth/register").json(&user).send().await.assert_status(202);
    }
    app.settle().await;
    let lines = [
        r#"latchkey_auth_mails_total{kind="password_changed",outcome="sent"} 1"#,
        r#"latchkey_auth_mails_total{kind="already_registered",outcome="sent"} 1"#,
        r#"latchkey_auth_mails_total{kind="register",outcome="sent"} 1"#,
        r#"latchkey_auth_proofs_total{purpose="register",outcome="requested"} 2"#,
        "latchkey_auth_mail_queue 0",
        "latchkey_auth_mail_oldest_seconds 0",
    ];
    let url = format!("{}/metrics", app.metrics_url.as_ref().expect("metrics"));
    let started = std::time::Instant::now();
    loop {
        let page = Call::new(awc::http::Method::GET, url.clone()).send().await.text();
        let Some(missing) = lines.iter().find(|line| !page.contains(*line)) else { return };
        assert!(started.elapsed().as_secs() < 60, "{missing}: {page}");
        actix_web::rt::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
