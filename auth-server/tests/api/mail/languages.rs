use serde_json::{Value, json};

use crate::app::{PASSWORD, Session};
use crate::mailbox::{Mail, MailApp};

fn is_german(mail: &Mail) -> bool {
    mail.text.contains("Diese Nachricht wurde automatisch")
}

async fn forgot(app: &MailApp, name: &str, languages: &str) -> Mail {
    let email = format!("{name}@example.org");
    let call = app.post("/auth/password/forgot").header("accept-language", languages);
    call.json(&json!({"email": email})).send().await.assert_status(202);
    app.mail(&email).await
}

async fn choose(app: &MailApp, session: &Session, locale: &str) {
    let call = app.call(awc::http::Method::PATCH, "/auth/me").cookie(&session.refresh_token);
    call.json(&json!({"locale": locale})).send().await.assert_status(200);
}

#[actix_web::test]
async fn a_mail_has_the_language_of_the_user_else_of_the_browser_else_the_default_one() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    app.register("bob").await;
    app.register("cy").await;
    let dan = app.register("dan").await;
    choose(&app, &ann, "de-AT").await;
    choose(&app, &dan, "en").await;
    assert!(is_german(&forgot(&app, "ann", "en").await), "the user's");
    assert!(is_german(&forgot(&app, "bob", "de-CH, en;q=0.5").await), "the browser's");
    assert!(!is_german(&forgot(&app, "cy", "fr").await), "the default one");
    assert!(!is_german(&forgot(&app, "dan", "de").await), "the user's");
}

#[actix_web::test]
async fn an_invitation_has_a_language_which_the_user_keeps() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    let invite = async |body: Value| {
        app.post("/admin/invitations").cookie(&root.refresh_token).json(&body).send().await
    };
    let invited = invite(json!({"email": "ann@example.org", "locale": "de"})).await.assert_status(201).json();
    invite(json!({"email": "bob@example.org"})).await.assert_status(201);
    let unknown = invite(json!({"email": "cy@example.org", "locale": "fr"})).await;
    let unknown = unknown.assert_problem(422, "invalid_input").json();
    assert_eq!(unknown["fields"]["locale"], "is not one of the languages of mails: de, en");

    let path = format!("/admin/invitations/{}/resend", invited["id"].as_str().expect("an id"));
    app.post(&path).cookie(&root.refresh_token).send().await.assert_status(202);
    app.settle().await;
    let mails = app.mails("ann@example.org");
    assert!(mails.len() == 2 && mails.iter().all(is_german), "{mails:?}");
    let body = json!({"token": mails[0].token("invite"), "password": PASSWORD});
    let response = app.post("/auth/invitations/accept").json(&body).send().await.assert_status(201);
    assert_eq!(response.json()["user"]["locale"], "de");

    let mail = app.mail("bob@example.org").await;
    assert!(!is_german(&mail));
    let body = json!({"token": mail.token("invite"), "password": PASSWORD});
    let response = app.post("/auth/invitations/accept").json(&body).send().await.assert_status(201);
    assert_eq!(response.json()["user"]["locale"], Value::Null);
}
