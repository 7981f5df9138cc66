use awc::http::Method;
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
