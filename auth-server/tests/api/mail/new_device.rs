//! The notice of a login on an unknown device.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::app::{PASSWORD, TestApp};
use crate::mail::notices::{
    AWAY, HOME, NEW, PROXY, change_password, from, login, login_with, notices, register, start,
};
use crate::mailbox::MailApp;
use crate::statements;

#[actix_web::test]
async fn a_login_on_an_unknown_device_at_an_unknown_address_is_reported() {
    let app = start().await;
    register(&app, "ann").await;
    let at_home = login(&app, HOME).send().await.assert_status(200);
    let device = format!("__Host-device={}", at_home.device_cookie().expect("a device"));
    login(&app, AWAY).header("cookie", &device).send().await.assert_status(200);
    login(&app, AWAY).send().await.assert_status(200);
    assert_eq!(notices(&app), [""; 0], "the device or the address is known");

    login(&app, "2001:db8:1:2::1").send().await.assert_status(200);
    assert_eq!(notices(&app), ["new_device ann@example.org"]);
    let mail = app.mail("ann@example.org").await.text;
    for text in ["Device: Firefox on Linux", "Address: 2001:db8:1:2::1", "UTC", "/forgot"] {
        assert!(mail.contains(text), "{text}: {mail}");
    }
    app.advance(TimeDelta::minutes(11));
    login(&app, "2001:db8:1:2::2").send().await.assert_status(200);
    assert_eq!(notices(&app).len(), 1, "the network is known");
    login(&app, "192.0.2.1").header("cookie", "__Host-device=AAAAAAAAAAAAAAAAAAAAAA").send().await;
    assert_eq!(notices(&app).len(), 2, "an invented device is not known");
}

#[actix_web::test]
async fn addresses_are_unknown_again_after_a_new_password() {
    let app = start().await;
    let ann = register(&app, "ann").await;
    login(&app, AWAY).send().await.assert_status(200);
    app.advance(TimeDelta::minutes(11));
    change_password(&app, &ann, PASSWORD, NEW).await.assert_status(200);
    login_with(&app, HOME, NEW).send().await.assert_status(200);
    let so_far = ["new_device ann@example.org", "password_changed ann@example.org"];
    assert_eq!(notices(&app), so_far);
    login_with(&app, AWAY, NEW).send().await.assert_status(200);
    assert_eq!(notices(&app).len(), 3);
}

#[actix_web::test]
async fn the_first_login_of_an_imported_user_is_not_reported() {
    let app = start().await;
    register(&app, "ann").await;
    // As after an import.
    app.database.db_execute("DELETE FROM events");
    app.database.db_execute("UPDATE users SET last_login_at = NULL");
    login(&app, HOME).send().await.assert_status(200);
    login(&app, HOME).send().await.assert_status(200);
    assert_eq!(notices(&app), [""; 0]);
    login(&app, AWAY).send().await.assert_status(200);
    assert_eq!(notices(&app), ["new_device ann@example.org"]);
}

/// Logs in elsewhere. Other events have pushed the earlier login out of the search, or `EVENT_RETENTION` has.
async fn assert_login_is_reported(app: &MailApp, name: &str) {
    app.database.db_execute("DELETE FROM events");
    let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    from(app.post("/auth/login"), AWAY).json(&body).send().await.assert_status(200);
    assert_eq!(notices(app).last(), Some(&format!("new_device {name}@example.org")));
}

#[actix_web::test]
async fn the_first_login_after_a_registration_is_reported_although_its_event_is_gone() {
    let app = start().await;
    register(&app, "ann").await;
    assert_login_is_reported(&app, "ann").await;

    let root = app.db_administrator("root").await;
    app.advance(TimeDelta::minutes(1));
    let invite = app.post("/admin/invitations").cookie(&root.refresh_token);
    invite.json(&json!({"email": "bob@example.org"})).send().await.assert_status(201);
    let (token, _) = app.link("bob@example.org", "invite").await;
    let body = json!({"token": token, "password": PASSWORD});
    app.post("/auth/invitations/accept").json(&body).send().await.assert_status(201);
    assert_login_is_reported(&app, "bob").await;

    let flags = ["--mail-notices", "all", "--email-verification", "required"];
    let app = MailApp::with(&[&flags[..], &PROXY].concat()).await;
    let body = json!({"email": "cy@example.org", "password": PASSWORD});
    app.post("/auth/register").json(&body).send().await.assert_status(202);
    let (token, _) = app.link("cy@example.org", "register").await;
    let body = json!({"token": token, "password": PASSWORD});
    app.post("/auth/register/confirm").json(&body).send().await.assert_status(201);
    assert_login_is_reported(&app, "cy").await;
}

#[actix_web::test]
async fn of_racing_logins_one_is_reported() {
    let app = start().await;
    let other = app.another().await;
    register(&app, "ann").await;
    let logins = (0..10).map(|number| {
        let server: &TestApp = if number % 2 == 0 { &app } else { &other };
        login(server, &format!("192.0.2.{number}")).send()
    });
    for response in join_all(logins).await {
        response.assert_status(200);
    }
    assert_eq!(notices(&app), ["new_device ann@example.org"]);
}

/// The statements of a refresh, of a login on a known device, and of one on another device at the same address.
async fn statements_of_hot_paths(app: &TestApp) -> Vec<Vec<String>> {
    let session = register(app, "ann").await;
    let device = login(app, HOME).send().await.assert_status(200).device_cookie().expect("a device");
    let device = format!("__Host-device={device}");
    let calls = [
        from(app.post("/auth/refresh"), AWAY).cookie(&session.refresh_token),
        login(app, AWAY).header("cookie", &device),
        login(app, HOME),
    ];
    let mut all = Vec::new();
    for call in calls {
        let id = format!("{}{}", statements::ID, uuid::Uuid::new_v4().simple());
        call.header("x-request-id", &id).send().await.assert_status(200);
        all.push(statements::of(&id));
    }
    all
}

#[actix_web::test]
async fn refreshes_and_logins_without_a_notice_run_no_statement_more() {
    statements::record();
    let without = statements_of_hot_paths(&TestApp::with(&PROXY).await).await;
    let app = start().await;
    let with = statements_of_hot_paths(&app).await;
    // On PostgreSQL, refreshes of several requests share their statements.
    assert!(without[1..].iter().all(|statements| !statements.is_empty()));
    assert_eq!(without[..2], with[..2]);
    // The address is looked up.
    assert_eq!(with[2].len(), without[2].len() + 1, "{:?}", with[2]);
    assert!(!with.concat().iter().any(|statement| statement.contains("mails")));
}
