use chrono::TimeDelta;
use serde_json::{Value, json};

use super::keys::post_while_demoted;
use crate::app::{Session, TestApp};
use crate::mailbox::MailApp;

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

async fn mails(app: &TestApp, by: &Session, query: &str) -> Vec<Value> {
    app.get_json(by, &format!("/admin/mails{query}")).await["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn an_administrator_sees_mails_without_their_links_and_sends_a_failed_one_again() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    app.register("ann").await;
    let request = json!({"email": "ann@example.org"});
    app.post("/auth/password/forgot").json(&request).send().await.assert_status(202);
    let (token, code) = app.link("ann@example.org", "reset").await;
    app.settle().await;
    app.database.db_execute("UPDATE mails SET sent_at = NULL, failed_at = due_at, outcome = '550 no'");

    let failed = mails(&app, &root, "?state=failed").await;
    let [mail] = failed.as_slice() else { panic!("{failed:?}") };
    let id = mail["id"].as_str().unwrap();
    let now = "2030-01-01T00:00:00Z";
    let expected = json!({
        "id": id, "kind": "reset", "recipient": "ann@example.org", "locale": "en", "state": "failed", "created_at": now,
        "due_at": now, "expires_at": "2030-01-01T00:30:00Z", "attempts": 0, "outcome": "550 no", "failed_at": now,
    });
    assert_eq!(mail, &expected);
    assert!(!mail.to_string().contains(&token) && !mail.to_string().contains(&code.unwrap()));
    assert_eq!(mails(&app, &root, "?state=waiting").await.len(), 0);

    app.advance(TimeDelta::seconds(1));
    let retry = app.post(&format!("/admin/mails/{id}/retry")).cookie(&root.refresh_token);
    retry.send().await.assert_status(204);
    app.settle().await;
    assert_eq!(mails(&app, &root, "?state=failed").await.len(), 0);
    let sent = mails(&app, &root, "?state=sent").await;
    assert_eq!((&sent[0]["id"], &sent[0]["state"]), (&json!(id), &json!("sent")));
    assert_eq!((&sent[0]["sent_at"], &sent[0]["failed_at"]), (&json!("2030-01-01T00:00:01Z"), &json!(null)));
    let not_found = async |id: &str| {
        let retry = app.post(&format!("/admin/mails/{id}/retry")).cookie(&root.refresh_token);
        retry.send().await.assert_problem(404, "not_found");
    };
    for id in [id, UNKNOWN, "x", "%00"] {
        not_found(id).await;
    }
    app.database.db_execute("UPDATE mails SET sent_at = NULL, failed_at = due_at");
    let second = app.db_administrator("second").await;
    let retry = post_while_demoted(&app, &second, &format!("/admin/mails/{id}/retry")).await;
    retry.assert_problem(403, "role_required");
    app.database.db_execute("UPDATE mails SET expires_at = due_at");
    not_found(id).await;
    assert_eq!(mails(&app, &root, "?state=failed").await.len(), 1);
}

#[actix_web::test]
async fn mails_are_listed_in_pages_newest_first() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    for name in ["ann", "bob", "cy"] {
        app.register(name).await;
        let request = json!({"email": format!("{name}@example.org")});
        app.post("/auth/password/forgot").json(&request).send().await.assert_status(202);
        app.advance(TimeDelta::seconds(1));
    }
    let recipients = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|mail| mail["recipient"].as_str().unwrap().to_owned()).collect()
    };
    let first = app.get_json(&root, "/admin/mails?limit=2").await;
    assert_eq!(recipients(&first), ["cy@example.org", "bob@example.org"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = app.get_json(&root, &format!("/admin/mails?limit=2&cursor={cursor}")).await;
    assert_eq!((recipients(&last), &last["next_cursor"]), (vec!["ann@example.org".to_owned()], &json!(null)));
    for (field, query) in
        [("state", "state=lost"), ("cursor", "cursor=x"), ("limit", "limit=0"), ("q", "q=a")]
    {
        let call = app.get(&format!("/admin/mails?{query}")).cookie(&root.refresh_token).send().await;
        let problem = call.assert_problem(422, "invalid_input").json();
        assert_eq!(problem["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
}

#[actix_web::test]
async fn only_administrators_see_mails_and_only_while_mail_is_on() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    app.get("/admin/mails").send().await.assert_problem(401, "missing_token");
    app.get("/admin/mails").cookie(&ann.refresh_token).send().await.assert_problem(403, "role_required");
    let retry = app.post(&format!("/admin/mails/{UNKNOWN}/retry"));
    retry.cookie(&ann.refresh_token).send().await.assert_problem(403, "role_required");

    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let list = app.get("/admin/mails").cookie(&root.refresh_token).send().await;
    list.assert_problem(404, "not_found");
}
