//! At least one enabled administrator always remains.

use awc::http::Method;
use futures_util::future::join;
use serde_json::{Value, json};

use crate::app::{Session, TestApp};

/// E-mail addresses of the enabled administrators.
fn administrators(app: &TestApp) -> Vec<String> {
    app.database.db_texts(
        r#"SELECT email AS value FROM users WHERE roles LIKE '%"admin"%' AND disabled_at IS NULL ORDER BY email"#,
    )
}

#[actix_web::test]
async fn the_last_enabled_administrator_cannot_be_demoted_disabled_or_deleted() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let second = app.db_administrator("second").await;
    let ann = app.register("ann").await;
    // A disabled administrator does not count.
    app.change_user(&root, &second.user_id, &json!({"disabled": true})).await.assert_status(200);
    let before = app.database.db_content();
    for change in [
        json!({"roles": []}),
        json!({"roles": ["administrator", "adm"]}),
        json!({"disabled": true}),
        json!({"roles": [], "disabled": true, "claims": {"plan": "team"}}),
    ] {
        app.change_user(&root, &root.user_id, &change).await.assert_problem(409, "last_administrator");
    }
    let delete =
        |session: &Session| app.call(Method::DELETE, "/auth/me").cookie(&session.refresh_token).send();
    let response = delete(&root).await.assert_problem(409, "last_administrator");
    assert!(response.set_cookie().is_none());
    assert_eq!(app.database.db_content(), before, "no row and no event was written");

    // Other changes stay possible: to the last administrator's roles, and to other users.
    app.change_user(&root, &root.user_id, &json!({"roles": ["admin", "editor"]})).await.assert_status(200);
    delete(&ann).await.assert_status(204);
    app.change_user(&root, &second.user_id, &json!({"roles": []})).await.assert_status(200);
    app.change_user(&root, &second.user_id, &json!({"roles": ["admin"], "disabled": false}))
        .await
        .assert_status(200);
    delete(&root).await.assert_status(204);
    assert_eq!(administrators(&app), ["second@example.org"]);
}

#[actix_web::test]
async fn when_two_administrators_remove_each_other_concurrently_one_succeeds() {
    let one = TestApp::start().await;
    let other = one.another().await;
    let ann = one.db_administrator("ann").await;
    let bob = one.db_administrator("bob").await;
    let mut winners = Vec::new();
    for round in 0..40 {
        one.database.db_execute(r#"UPDATE users SET roles = '["admin"]', disabled_at = NULL"#);
        let (ann, bob) = (log_in(&one, &ann).await, log_in(&one, &bob).await);
        let change = if round % 2 == 0 { json!({"roles": []}) } else { json!({"disabled": true}) };
        let responses = join(
            one.change_user(&ann, &bob.user_id, &change),
            other.change_user(&bob, &ann.user_id, &change),
        );
        let (by_ann, by_bob) = responses.await;
        let won = [&by_ann, &by_bob].map(|response| response.status == 200);
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{by_ann:?} {by_bob:?}");
        assert_eq!(administrators(&one).len(), 1);
        let lost = if won[0] { by_bob } else { by_ann };
        // The loser was demoted or logged out before its request got the lock.
        let code = lost.json()["code"].clone();
        assert!(["role_required", "session_ended"].map(Value::from).contains(&code), "{code}");
        winners.push(won[0]);
    }
    println!("the first request won {} of 40 rounds", winners.iter().filter(|won| **won).count());
}

#[actix_web::test]
async fn when_two_administrators_resign_concurrently_one_stays() {
    let one = TestApp::start().await;
    let other = one.another().await;
    let ann = one.db_administrator("ann").await;
    let bob = one.db_administrator("bob").await;
    for round in 0..20 {
        one.database.db_execute(r#"UPDATE users SET roles = '["admin"]', disabled_at = NULL"#);
        let (ann, bob) = (log_in(&one, &ann).await, log_in(&one, &bob).await);
        let resign = async |app: &TestApp, session: &Session| match round % 2 {
            0 => app.change_user(session, &session.user_id, &json!({"roles": []})).await,
            _ => app.change_user(session, &session.user_id, &json!({"disabled": true})).await,
        };
        let (by_ann, by_bob) = join(resign(&one, &ann), resign(&other, &bob)).await;
        let mut statuses = [by_ann.status, by_bob.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{by_ann:?} {by_bob:?}");
        assert_eq!(administrators(&one).len(), 1);
    }
}

async fn log_in(app: &TestApp, session: &Session) -> Session {
    let me =
        app.database.db_text(&format!("SELECT email AS value FROM users WHERE id = '{}'", session.user_id));
    app.log_in(me.split('@').next().unwrap()).await
}
