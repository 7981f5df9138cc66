use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Session, TestApp, claims};

/// Types and details of somebody's events, oldest first.
async fn events(app: &TestApp, by: &Session, of: &Session) -> Vec<(String, Value)> {
    let page = app.see(by, &format!("/admin/events?user={}", of.user_id)).await;
    let event = |event: &Value| (event["type"].as_str().unwrap().to_owned(), event["details"].clone());
    page["items"].as_array().unwrap().iter().rev().map(event).collect()
}

fn version(app: &TestApp, of: &Session) -> String {
    let id = &of.user_id;
    app.database.db_text(&format!("SELECT CAST(version AS TEXT) AS value FROM users WHERE id = '{id}'"))
}

#[actix_web::test]
async fn what_the_database_says_decides_who_administers() {
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
        let answer = call(method, path, root_token).await.assert_problem(403, "role_required");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
        let access_token = in_body["access_token"].as_str().unwrap();
        call(method, path, access_token).await.assert_problem(401, "invalid_token");
        app.call(method.clone(), path).json(&json!({})).send().await.assert_problem(401, "missing_token");
    }
    assert_eq!(app.me(&ann.refresh_token).await.assert_status(200).json()["roles"], json!([]));
    app.refresh(&root.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_person_is_shown_with_everything_but_the_password() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.advance(TimeDelta::hours(1));
    app.log_in("ann").await;
    let change = json!({"roles": ["b", "a", "b"], "claims": {"plan": "team"}, "disabled": true});
    let changed = app.change_person(&root, &ann.user_id, &change).await.assert_status(200).json();
    let shown = app.see(&root, &format!("/admin/users/{}", ann.user_id)).await;
    assert_eq!(shown, changed);
    let expected = json!({
        "id": ann.user_id, "email": "ann@example.org", "username": null, "name": null,
        "roles": ["b", "a"], "claims": {"plan": "team"},
        "disabled": true, "disabled_at": "2030-01-01T01:00:00Z",
        "created_at": "2030-01-01T00:00:00Z", "last_login_at": "2030-01-01T01:00:00Z",
    });
    assert_eq!(shown, expected);
}

#[actix_web::test]
async fn roles_and_claims_reach_the_token_and_only_a_change_is_an_event() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let change = |change: Value| {
        let (app, root, ann) = (&app, &root, &ann);
        async move { app.change_person(root, &ann.user_id, &change).await.assert_status(200) }
    };
    change(json!({"claims": {"plan": "team"}})).await;
    assert_eq!(version(&app, &ann), "1", "claims make no token stale");
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

#[actix_web::test]
async fn whoever_is_disabled_is_out_until_enabled() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let change = |disabled| {
        let (app, root, ann) = (&app, &root, &ann);
        async move {
            app.change_person(root, &ann.user_id, &json!({"disabled": disabled})).await.assert_status(200)
        }
    };
    let disabled = change(true).await.json();
    app.refresh(&ann.refresh_token).await.assert_ended("user_disabled");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    app.advance(TimeDelta::hours(1));
    assert_eq!(change(true).await.json()["disabled_at"], disabled["disabled_at"], "since when, stays");
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
        ("login_succeeded", json!({})),
    ];
    let expected = expected.map(|(kind, details)| (kind.to_owned(), details));
    assert_eq!(events(&app, &root, &ann).await, expected);
}

#[actix_web::test]
async fn an_administrator_sees_and_ends_the_sessions_of_others() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let phone = app.register("ann").await;
    let desk = app.log_in("ann").await;
    let path = format!("/admin/users/{}/sessions", phone.user_id);
    let delete = |path: &str| app.call(Method::DELETE, path).cookie(&root.refresh_token).send();

    let listed = app.see(&root, &path).await;
    let own = app.see(&desk, "/auth/sessions").await;
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
    for (theirs, own) in
        std::iter::zip(listed["sessions"].as_array().unwrap(), own["sessions"].as_array().unwrap())
    {
        let mut own = own.clone();
        own["current"] = json!(false);
        assert_eq!(theirs, &own);
    }

    let one = format!("{path}/{}", claims(&phone.refresh_token)["sid"].as_str().unwrap());
    let others = format!(
        "/admin/users/{}/sessions/{}",
        phone.user_id,
        claims(&root.refresh_token)["sid"].as_str().unwrap()
    );
    delete(&others).await.assert_problem(404, "not_found");
    delete(&one).await.assert_status(204);
    delete(&one).await.assert_problem(404, "not_found");
    app.refresh(&phone.refresh_token).await.assert_ended("revoked");
    delete(&path).await.assert_status(204);
    delete(&path).await.assert_status(204);
    app.refresh(&desk.refresh_token).await.assert_ended("revoked");
    app.get("/auth/me").bearer(&desk.access_token).send().await.assert_ended("revoked");
    assert_eq!(version(&app, &phone), "3");
    assert_eq!(app.see(&root, &path).await, json!({"sessions": []}));
    let ended: Vec<_> =
        events(&app, &root, &phone).await.into_iter().filter(|(kind, _)| kind == "session_ended").collect();
    let expected = json!({"by": root.user_id, "reason": "revoked"});
    assert_eq!(ended, vec![("session_ended".to_owned(), expected); 2]);
    app.refresh(&root.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_change_is_made_whole_or_not_at_all() {
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
        ("email", json!({"email": "x@example.org"})),
    ] {
        let answer =
            app.change_person(&root, &ann.user_id, &wrong).await.assert_problem(422, "invalid_input");
        let fields = answer.json()["fields"].as_object().unwrap().clone();
        assert_eq!(fields.keys().collect::<Vec<_>>(), [field], "{wrong}");
    }
    for wrong in
        [json!({"roles": "admin"}), json!({"roles": [1]}), json!({"claims": []}), json!({"disabled": 1})]
    {
        app.change_person(&root, &ann.user_id, &wrong).await.assert_problem(400, "malformed_request");
    }
    for id in ["x", "%00", "00000000-0000-4000-8000-000000000000"] {
        app.change_person(&root, id, &json!({"disabled": true})).await.assert_problem(404, "not_found");
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

#[actix_web::test]
async fn events_are_found_by_whom_what_where_and_when() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.advance(TimeDelta::hours(1));
    app.log_in("ann").await;
    app.change_person(&root, &ann.user_id, &json!({"roles": ["editor"]})).await.assert_status(200);
    let found = async |filter: &str| {
        let page = app.see(&root, &format!("/admin/events?{filter}")).await;
        let types =
            page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned());
        types.collect::<Vec<_>>().join(" ")
    };
    let sid = claims(&ann.refresh_token)["sid"].as_str().unwrap().to_owned();
    assert_eq!(found("").await, "roles_changed login_succeeded registered registered key_made");
    assert_eq!(found(&format!("user={}", ann.user_id)).await, "roles_changed login_succeeded registered");
    assert_eq!(found(&format!("session={sid}")).await, "registered");
    assert_eq!(found("type=registered").await, "registered registered");
    assert_eq!(found("ip=127.0.0.1").await, "roles_changed login_succeeded registered registered");
    assert_eq!(
        found("ip=::ffff:127.0.0.1&since=2030-01-01T01:00:00Z").await,
        "roles_changed login_succeeded"
    );
    assert_eq!(found("until=2030-01-01T02:00:00%2B01:00").await, "registered registered key_made");
    assert_eq!(found("ip=10.0.0.1").await, "");

    for (field, filter) in [
        ("user", "user=ann"),
        ("user", "user="),
        ("session", "session=%00"),
        ("type", "type=nothing"),
        ("ip", "ip=here"),
        ("since", "since=yesterday"),
        ("until", "until=2030-01-01"),
        ("limit", "limit=0"),
        ("cursor", "cursor=x"),
        ("usr", "usr=x"),
    ] {
        let call = app.get(&format!("/admin/events?{filter}")).cookie(&root.refresh_token);
        let answer = call.send().await.assert_problem(422, "invalid_input");
        assert_eq!(answer.json()["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
    let twice = app.get("/admin/events?type=registered&type=registered").cookie(&root.refresh_token);
    twice.send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn nobody_learns_where_an_administrator_sits() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.change_person(&root, &ann.user_id, &json!({"roles": ["editor"]})).await.assert_status(200);
    let own = app.see(&ann, "/auth/events").await["items"][0].clone();
    let all = app.see(&root, "/admin/events").await["items"][0].clone();
    assert_eq!((&own["type"], &all["type"]), (&json!("roles_changed"), &json!("roles_changed")));
    assert_eq!((&own["ip"], &all["ip"]), (&json!(null), &json!("127.0.0.1")));
    assert_eq!(own["details"]["by"], json!(root.user_id));
}
