use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use super::events::events;
use super::users::version;
use crate::app::{TestApp, claims};

#[actix_web::test]
async fn an_administrator_lists_and_ends_sessions_of_other_users() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let phone = app.register("ann").await;
    let desk = app.log_in("ann").await;
    let path = format!("/admin/users/{}/sessions", phone.user_id);
    let delete = |path: &str| app.call(Method::DELETE, path).cookie(&root.refresh_token).send();

    let listed = app.get_json(&root, &path).await;
    let own = app.get_json(&desk, "/auth/sessions").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    for (listed, own) in
        std::iter::zip(listed["items"].as_array().unwrap(), own["sessions"].as_array().unwrap())
    {
        let mut own = own.clone();
        own["current"] = json!(false);
        assert_eq!(listed, &own);
    }

    let page = app.get_json(&root, &format!("{path}?limit=1")).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = app.get_json(&root, &format!("{path}?limit=1&cursor={cursor}")).await;
    assert_eq!((&page["items"][0], &next), (&listed["items"][0], &json!({"items": [listed["items"][1]]})));

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
    assert_eq!(app.get_json(&root, &path).await, json!({"items": []}));
    let ended: Vec<_> =
        events(&app, &root, &phone).await.into_iter().filter(|(kind, _)| kind == "session_ended").collect();
    let expected = json!({"by": root.user_id, "reason": "revoked"});
    assert_eq!(ended, vec![("session_ended".to_owned(), expected); 2]);
    app.refresh(&root.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn the_sessions_of_all_users_are_listed_newest_login_first() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    app.advance(TimeDelta::seconds(1));
    let ann = app.register("ann").await;
    app.advance(TimeDelta::seconds(1));
    app.log_in("ann").await;
    app.database
        .db_execute(&format!("UPDATE sessions SET ip = '192.0.2.1' WHERE user_id = '{}'", ann.user_id));
    let ended = app.register("ended").await;
    app.post("/auth/logout").cookie(&ended.refresh_token).send().await.assert_status(204);
    let page = app.get_json(&root, "/admin/sessions").await;
    let items = page["items"].as_array().unwrap();
    let names: Vec<_> = items.iter().map(|item| item["user"]["email"].as_str().unwrap()).collect();
    assert_eq!(names, ["ann@example.org", "ann@example.org", "root@example.org"]);
    assert_eq!((&items[2]["current"], &items[0]["current"]), (&json!(true), &json!(false)));
    assert_eq!(
        items[0]["user"],
        json!({"id": ann.user_id, "email": "ann@example.org", "name": null, "username": null})
    );
    let mut of_user =
        app.get_json(&root, &format!("/admin/users/{}/sessions", root.user_id)).await["items"][0].take();
    of_user["user"] = items[2]["user"].clone();
    assert_eq!(items[2], of_user);

    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = app.get_json(&root, &format!("/admin/sessions?limit=1{next}")).await;
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen, *items);
    let from = app.get_json(&root, "/admin/sessions?ip=::ffff:192.0.2.1").await;
    assert_eq!(from["items"].as_array().unwrap().len(), 2);
    for (field, query) in [("ip", "ip=here"), ("cursor", "cursor=x"), ("user", "user=x")] {
        let call = app.get(&format!("/admin/sessions?{query}")).cookie(&root.refresh_token);
        let response = call.send().await.assert_problem(422, "invalid_input");
        assert_eq!(response.json()["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
    app.advance(TimeDelta::days(60));
    let root = app.log_in("root").await;
    let left = app.get_json(&root, "/admin/sessions").await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1, "the others have expired");
}
