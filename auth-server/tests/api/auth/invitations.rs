use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{Response, evidence};

use crate::app::{ISSUER, PASSWORD, Session, TestApp, claims};

/// Invites `NAME@example.org`. Returns the invitation and the token of its link.
async fn invite(app: &TestApp, root: &Session, name: &str, members: &Value) -> (Value, String) {
    let mut body = json!({"email": format!("{name}@example.org")});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let invitation = try_invite(app, root, &body).await.assert_status(201).json();
    let link = invitation["link"].as_str().expect("a link");
    let token = link.strip_prefix(&format!("{ISSUER}/invitation#")).expect("the page").to_owned();
    evidence::secret(&token);
    (invitation, token)
}

async fn try_invite(app: &TestApp, by: &Session, body: &Value) -> Response {
    app.post("/admin/invitations").cookie(&by.refresh_token).json(body).send().await
}

async fn accept(app: &TestApp, token: &str) -> Response {
    let body = json!({"token": token, "password": PASSWORD});
    app.post("/auth/invitations/accept").json(&body).send().await
}

async fn inspect(app: &TestApp, token: &str) -> Response {
    app.post("/auth/proofs/inspect").json(&json!({"token": token})).send().await
}

fn users(app: &TestApp, name: &str) -> usize {
    let query = format!("SELECT id AS value FROM users WHERE email = '{name}@example.org'");
    app.database.db_texts(&query).len()
}

#[actix_web::test]
async fn an_invited_person_creates_an_account_with_the_offered_roles_although_registration_is_closed() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let closed = app.another_with(&["--registration", "closed"]).await.unwrap();
    let offer = json!({"name": "Ann", "roles": ["editor"], "claims": {"plan": "team"}, "locale": "de"});
    let (invitation, token) = invite(&closed, &root, "ann", &offer).await;
    assert_eq!(invitation["email"], "ann@example.org");
    assert_eq!(invitation["expires_at"], "2030-01-08T00:00:00Z");

    let link = inspect(&closed, &token).await.assert_status(200);
    assert_eq!(
        link.json(),
        json!({"purpose": "invite", "email": "a…@example.org", "expires_in": 604_800, "needs": "new_password"})
    );
    let session = Session::of(&accept(&closed, &token).await.assert_status(201));
    let token = claims(&session.access_token);
    assert_eq!(
        (&token["name"], &token["roles"], &token["plan"], &token["amr"]),
        (&json!("Ann"), &json!(["editor"]), &json!("team"), &json!(["pwd"]))
    );
    // The administrator saw the link, so it does not prove the address.
    assert_eq!(closed.get_json(&session, "/auth/me").await["email_verified"], false);
    closed.log_in("ann").await;
    let types =
        app.database.db_texts("SELECT type AS value FROM events WHERE type LIKE 'invit%' ORDER BY id");
    assert_eq!(types, ["invited", "invitation_accepted"]);
}

#[actix_web::test]
async fn a_link_that_is_used_expired_withdrawn_replaced_or_forged_creates_nothing() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let assert_useless = async |token: &str, what: &str| {
        for response in [inspect(&app, token).await, accept(&app, token).await] {
            let body = response.assert_problem(410, "link_invalid").text();
            assert!(token.len() < 40 || !body.contains(token), "{what}");
        }
    };

    let (_, used) = invite(&app, &root, "used", &json!({})).await;
    accept(&app, &used).await.assert_status(201);
    assert_useless(&used, "used").await;

    let (invitation, withdrawn) = invite(&app, &root, "withdrawn", &json!({})).await;
    let path = format!("/admin/invitations/{}", invitation["id"].as_str().unwrap());
    let delete = async || app.call(awc::http::Method::DELETE, &path).cookie(&root.refresh_token).send().await;
    delete().await.assert_status(204);
    delete().await.assert_problem(404, "not_found");
    assert_useless(&withdrawn, "withdrawn").await;

    let (_, replaced) = invite(&app, &root, "replaced", &json!({})).await;
    let (_, newer) = invite(&app, &root, "replaced", &json!({})).await;
    assert_useless(&replaced, "replaced").await;

    // The id of one with the MAC of another, of another address, and of another purpose.
    let (invitation, other) = invite(&app, &root, "other", &json!({})).await;
    let id = invitation["id"].as_str().unwrap();
    assert_useless(&format!("{}{}", &newer[..22], &other[22..]), "forged").await;
    for (change, back) in [
        ("email = 'root@example.com'", "email = 'other@example.org'"),
        ("purpose = 'reset'", "purpose = 'invite'"),
    ] {
        app.database.db_execute(&format!("UPDATE proofs SET {change} WHERE id = '{id}'"));
        assert_useless(&other, change).await;
        app.database.db_execute(&format!("UPDATE proofs SET {back} WHERE id = '{id}'"));
    }
    for text in ["", "x", &other[1..], &format!("{other}A"), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_useless(text, text).await;
    }
    inspect(&app, &other).await.assert_status(200);

    app.advance(TimeDelta::days(7));
    assert_useless(&other, "expired").await;
    for name in ["withdrawn", "replaced", "other"] {
        assert_eq!(users(&app, name), 0, "{name}");
    }
}

#[actix_web::test]
async fn a_link_of_a_server_with_another_secret_is_forged_and_one_of_the_previous_secret_works() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let (_, token) = invite(&app, &root, "ann", &json!({})).await;
    let other = "another-key-secret-of-the-tests-0123456789";
    let access =
        ["--jwt-access-algorithm", "HS256", "--jwt-access-secret", "access-secret-of-the-tests-0123456789"];
    let flags = [&access[..], &["--key-encryption-secret", other]].concat();
    let foreign = app.another_with(&flags).await.unwrap();
    accept(&foreign, &token).await.assert_problem(410, "link_invalid");
    let flags =
        ["--key-encryption-secret", other, "--key-encryption-secret-previous", crate::app::KEY_SECRET];
    let changed = app.another_with(&flags).await.unwrap();
    accept(&changed, &token).await.assert_status(201);
}

#[actix_web::test]
async fn twenty_requests_with_one_link_create_one_user() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let (_, token) = invite(&app, &root, "ann", &json!({})).await;
    let responses = join_all((0..20).map(|_| accept(&app, &token))).await;
    let mut statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    // 503: the queue for new passwords is full.
    assert!(statuses.iter().all(|status| [201, 410, 503].contains(status)), "{statuses:?}");
    assert_eq!(users(&app, "ann"), 1);
}

#[actix_web::test]
async fn a_rejected_form_leaves_the_link_open() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let (_, token) = invite(&app, &root, "ann", &json!({})).await;
    app.post("/auth/register")
        .json(&json!({"email": "bob@example.org", "password": PASSWORD, "username": "bob"}))
        .send()
        .await
        .assert_status(201);
    for (members, field) in [
        (json!({"password": "password1"}), "password"),
        (json!({"username": "bob"}), "username"),
        (json!({"audience": "other"}), "audience"),
        (json!({"name": "a\u{0}b"}), "name"),
    ] {
        let mut body = json!({"token": token, "password": PASSWORD});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let response = app.post("/auth/invitations/accept").json(&body).send().await;
        let problem = response.assert_problem(422, "invalid_input").json();
        assert!(problem["fields"][field].is_string(), "{problem}");
    }
    accept(&app, &token).await.assert_status(201);
}

#[actix_web::test]
async fn an_address_of_a_user_is_neither_invited_nor_taken_over() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    app.register("ann").await;
    try_invite(&app, &root, &json!({"email": "Ann@example.org"})).await.assert_problem(409, "email_taken");
    // Registered after the invitation.
    let (_, token) = invite(&app, &root, "bob", &json!({"roles": ["admin"]})).await;
    let bob = app.register("bob").await;
    accept(&app, &token).await.assert_problem(409, "email_taken");
    assert_eq!(app.get_json(&bob, "/auth/me").await["roles"], json!([]));
}

#[actix_web::test]
async fn only_administrators_invite() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let body = json!({"email": "bob@example.org"});
    try_invite(&app, &ann, &body).await.assert_problem(403, "role_required");
    app.post("/admin/invitations").json(&body).send().await.assert_problem(401, "missing_token");
    app.get("/admin/invitations")
        .cookie(&ann.refresh_token)
        .send()
        .await
        .assert_problem(403, "role_required");
    let root = app.db_administrator("root").await;
    for body in
        [json!({}), json!({"email": "bob"}), json!({"email": "bob@example.org", "roles": ["No Role"]})]
    {
        try_invite(&app, &root, &body).await.assert_problem(422, "invalid_input");
    }
}

#[actix_web::test]
async fn open_invitations_are_listed_in_pages() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    for name in ["a", "b", "c", "d"] {
        let (_, token) = invite(&app, &root, name, &json!({"roles": ["editor"]})).await;
        if name == "b" {
            accept(&app, &token).await.assert_status(201);
        }
        app.advance(TimeDelta::seconds(1));
    }
    let first = app.get_json(&root, "/admin/invitations?limit=2").await;
    let emails = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["email"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(emails(&first), ["d@example.org", "c@example.org"]);
    assert_eq!(first["items"][0]["roles"], json!(["editor"]));
    assert!(first["items"][0].get("link").is_none());
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = app.get_json(&root, &format!("/admin/invitations?limit=2&cursor={cursor}")).await;
    assert_eq!((emails(&last), last.get("next_cursor")), (vec!["a@example.org".to_owned()], None));
}

/// A link scanner fetches the page and everything that it names, and runs its script, but submits no form.
#[actix_web::test]
async fn the_page_of_an_invitation_uses_nothing_up() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let (_, token) = invite(&app, &root, "ann", &json!({})).await;
    for path in ["/invitation", "/pages/sign_in/invitation.js", "/pages/sign_in/link.js", "/pages/pages.css"]
    {
        for method in [awc::http::Method::GET, awc::http::Method::HEAD] {
            let response = app.call(method, path).send().await.assert_status(200);
            let policy = response.header("content-security-policy").expect("a policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("form-action 'none'"),
                "{policy}"
            );
        }
    }
    for path in ["/auth/invitations/accept", "/auth/proofs/inspect"] {
        app.get(path).send().await.assert_problem(405, "method_not_allowed");
    }
    inspect(&app, &token).await.assert_status(200);
    accept(&app, &token).await.assert_status(201);
}

#[actix_web::test]
async fn without_mail_its_calls_and_pages_do_not_exist() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").send().await.assert_status(200).text();
    for path in ["/auth/password/forgot", "/auth/password/reset", "/admin/invitations/x/resend"] {
        app.post(path).json(&json!({})).send().await.assert_problem(404, "not_found");
        assert!(!document.contains(&format!("{path}\"")), "{path}");
    }
    app.get("/account/invite").send().await.assert_status(307);
    for path in ["/forgot", "/reset", "/account/forgot", "/account/reset"] {
        app.get(path).send().await.assert_problem(404, "not_found");
    }
    // With HS256 and no secret to derive links from, there are no invitations.
    let secret =
        ["--jwt-access-algorithm", "HS256", "--jwt-access-secret", "access-secret-of-the-tests-0123456789"];
    let database = std::sync::Arc::new(test_support::TestDatabase::fresh());
    let flags = [&secret[..], &["--key-encryption-secret", ""]].concat();
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    if let Ok(app) = TestApp::launch(database, app.clock.clone(), flags).await {
        app.get("/invitation").send().await.assert_problem(404, "not_found");
        app.post("/auth/proofs/inspect")
            .json(&json!({"token": "x"}))
            .send()
            .await
            .assert_problem(404, "not_found");
    }
}
