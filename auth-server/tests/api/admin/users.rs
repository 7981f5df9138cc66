use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::events::events;
use crate::app::{Session, TestApp, claims};

pub fn version(app: &TestApp, of: &Session) -> String {
    let id = &of.user_id;
    app.database.db_text(&format!("SELECT CAST(version AS TEXT) AS value FROM users WHERE id = '{id}'"))
}

#[actix_web::test]
async fn the_role_in_the_database_decides_who_is_an_administrator() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let one = format!("/admin/users/{}", ann.user_id);
    let sessions = format!("{one}/sessions");
    let session = format!("{sessions}/{}", claims(&root.refresh_token)["sid"].as_str().unwrap());
    let calls = [
        (Method::GET, "/admin/users"),
        (Method::GET, &one),
        (Method::PATCH, &one),
        (Method::GET, &sessions),
        (Method::DELETE, &sessions),
        (Method::DELETE, &session),
        (Method::GET, "/admin/events"),
    ];
    let call = |method: &Method, path: &str, token: &str| {
        let call = app.call(method.clone(), path).bearer(token);
        if method == Method::PATCH { call.json(&json!({"disabled": true})) } else { call }.send()
    };
    let in_body = app.try_login("root", &json!({"token_delivery": "body"})).await.json();
    let root_token = in_body["refresh_token"].as_str().unwrap();
    assert_eq!(claims(in_body["access_token"].as_str().unwrap())["roles"], json!(["admin"]));
    app.database.db_execute("UPDATE users SET roles = '[]'");
    for (method, path) in &calls {
        let response = call(method, path, root_token).await.assert_problem(403, "role_required");
        let challenge = response.header("www-authenticate").unwrap();
        assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
        let access_token = in_body["access_token"].as_str().unwrap();
        call(method, path, access_token).await.assert_problem(401, "invalid_token");
        app.call(method.clone(), path).json(&json!({})).send().await.assert_problem(401, "missing_token");
    }
    assert_eq!(app.me(&ann.refresh_token).await.assert_status(200).json()["roles"], json!([]));
    app.refresh(&root.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_user_is_shown_with_every_field_except_the_password() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let path = format!("/admin/users/{}", ann.user_id);
    assert_eq!(app.get_json(&root, &path).await["last_login_at"], "2030-01-01T00:00:00Z");
    app.advance(TimeDelta::hours(1));
    app.log_in("ann").await;
    let root = app.log_in("root").await;
    let change = json!({"roles": ["b", "a", "b"], "claims": {"plan": "team"}, "disabled": true});
    let changed = app.change_user(&root, &ann.user_id, &change).await.assert_status(200).json();
    let shown = app.get_json(&root, &path).await;
    assert_eq!(shown, changed);
    let expected = json!({
        "id": ann.user_id, "email": "ann@example.org", "email_verified": false, "username": null, "name": null, "locale": null,
        "roles": ["b", "a"], "claims": {"plan": "team"},
        "disabled": true, "disabled_at": "2030-01-01T01:00:00Z",
        "created_at": "2030-01-01T00:00:00Z", "last_login_at": "2030-01-01T01:00:00Z",
    });
    assert_eq!(shown, expected);
}

#[actix_web::test]
async fn roles_and_claims_reach_the_token_and_only_changes_are_recorded() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let change = |change: Value| {
        let (app, root, ann) = (&app, &root, &ann);
        async move { app.change_user(root, &ann.user_id, &change).await.assert_status(200) }
    };
    change(json!({"claims": {"plan": "team"}})).await;
    assert_eq!(version(&app, &ann), "1", "a change of claims does not make tokens stale");
    change(json!({"roles": ["editor", "analyst"]})).await;
    assert_eq!(version(&app, &ann), "2");
    app.get("/auth/me").bearer(&ann.access_token).send().await.assert_problem(401, "token_stale");
    for same in
        [json!({}), json!({"roles": null, "claims": null, "disabled": null}), json!({"disabled": false})]
    {
        change(same).await;
    }
    change(json!({"roles": ["analyst", "editor"], "claims": {"plan": "team"}})).await;
    assert_eq!(version(&app, &ann), "2");

    let next = Session::of(&app.refresh(&ann.refresh_token).await.assert_status(200));
    let token = claims(&next.access_token);
    assert_eq!((&token["roles"], &token["plan"]), (&json!(["editor", "analyst"]), &json!("team")));
    let by = &root.user_id;
    let expected = [
        ("registered", json!({})),
        ("claims_changed", json!({"by": by})),
        ("roles_changed", json!({"by": by, "roles": ["editor", "analyst"], "before": []})),
    ];
    let expected = expected.map(|(kind, details)| (kind.to_owned(), details));
    assert_eq!(events(&app, &root, &ann).await, expected);
}

/// Beyond 2^53, a conversion to a floating-point number would lose digits.
#[actix_web::test]
async fn integers_in_claims_stay_exact() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let exact = json!({"id": 9_007_199_254_740_993_u64, "most": u64::MAX, "least": i64::MIN});
    app.change_user(&root, &ann.user_id, &json!({"claims": exact})).await.assert_status(200);
    let user = app.get(&format!("/admin/users/{}", ann.user_id)).cookie(&root.refresh_token).send().await;
    assert!(user.text().contains("9007199254740993"), "{}", user.text());
    assert_eq!(user.json()["claims"], exact);
    let token = claims(app.refresh(&ann.refresh_token).await.json()["access_token"].as_str().unwrap());
    for (name, value) in exact.as_object().unwrap() {
        assert_eq!(&token[name], value);
    }
}

#[actix_web::test]
async fn a_disabled_user_cannot_log_in_until_enabled() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let change = |disabled| {
        let (app, root, ann) = (&app, &root, &ann);
        async move { app.change_user(root, &ann.user_id, &json!({"disabled": disabled})).await.assert_status(200) }
    };
    let disabled = change(true).await.json();
    app.refresh(&ann.refresh_token).await.assert_ended("user_disabled");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    app.advance(TimeDelta::minutes(1));
    assert_eq!(
        change(true).await.json()["disabled_at"],
        disabled["disabled_at"],
        "the time of the first change stays"
    );
    change(false).await;
    change(false).await;
    app.log_in("ann").await;
    app.refresh(&ann.refresh_token).await.assert_ended("user_disabled");
    assert_eq!(version(&app, &ann), "3");
    let by = &root.user_id;
    let expected = [
        ("registered", json!({})),
        ("user_disabled", json!({"by": by})),
        ("session_ended", json!({"by": by, "reason": "user_disabled"})),
        ("login_failed", json!({})),
        ("user_enabled", json!({"by": by})),
        ("login_succeeded", json!({"amr": ["pwd"]})),
    ];
    let expected = expected.map(|(kind, details)| (kind.to_owned(), details));
    assert_eq!(events(&app, &root, &ann).await, expected);
}

#[actix_web::test]
async fn a_change_is_applied_completely_or_not_at_all() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let many: Vec<String> = (0..17).map(|number| format!("role{number}")).collect();
    for (field, wrong) in [
        ("roles", json!({"roles": ["Admin"]})),
        ("roles", json!({"roles": [""]})),
        ("roles", json!({"roles": ["a\0"]})),
        ("roles", json!({"roles": many})),
        ("claims", json!({"claims": {"sub": "x"}})),
        ("claims", json!({"claims": {"a": "x".repeat(1024)}})),
        ("claims", json!({"roles": ["good"], "disabled": true, "claims": {"roles": []}})),
        ("username", json!({"username": "ann"})),
    ] {
        let response =
            app.change_user(&root, &ann.user_id, &wrong).await.assert_problem(422, "invalid_input");
        let fields = response.json()["fields"].as_object().unwrap().clone();
        assert_eq!(fields.keys().collect::<Vec<_>>(), [field], "{wrong}");
    }
    for wrong in
        [json!({"roles": "admin"}), json!({"roles": [1]}), json!({"claims": []}), json!({"disabled": 1})]
    {
        app.change_user(&root, &ann.user_id, &wrong).await.assert_problem(400, "malformed_request");
    }
    for id in ["x", "%00", "00000000-0000-4000-8000-000000000000"] {
        app.change_user(&root, id, &json!({"disabled": true})).await.assert_problem(404, "not_found");
        for path in [format!("/admin/users/{id}"), format!("/admin/users/{id}/sessions")] {
            app.get(&path).cookie(&root.refresh_token).send().await.assert_problem(404, "not_found");
        }
        for path in
            [format!("/admin/users/{id}/sessions"), format!("/admin/users/{}/sessions/{id}", ann.user_id)]
        {
            let call = app.call(Method::DELETE, &path).cookie(&root.refresh_token);
            call.send().await.assert_problem(404, "not_found");
        }
    }
    app.refresh(&ann.refresh_token).await.assert_status(200);
    assert_eq!(events(&app, &root, &ann).await.len(), 1);
}
