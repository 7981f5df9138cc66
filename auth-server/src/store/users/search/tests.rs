use test_support::TestDatabase;

use crate::store::Database;
use crate::store::explain::explain;
use crate::store::users::search::*;

#[test]
fn a_range_ends_before_the_first_text_with_another_prefix() {
    for (prefix, end) in [
        ("ann", Some("ano")),
        ("", None),
        ("a\u{d7ff}", Some("a\u{e000}")),
        ("a\u{10ffff}", Some("b")),
        ("\u{10ffff}", None),
    ] {
        assert_eq!(range::end(prefix).as_deref(), end, "{prefix:?}");
    }
    let range = |after| range::Range { name: "email", prefix: "b", after }.sql();
    assert_eq!(range(Some("a")), range(None), "a redundant bound");
}

/// With five thousand users; five are disabled.
async fn plan(test: &TestDatabase, filter: Filter, start: Start) -> String {
    let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
    let plan = database.run(move |connection| {
        let list = List::new(connection, filter, Limits { sorted: 100, ..Limits::DEFAULT })?;
        explain(connection, list.statement(&start, 50))
    });
    plan.await.expect("a plan")
}

#[tokio::test]
async fn every_page_is_read_from_an_index() {
    let test = TestDatabase::fresh();
    drop(Database::open(&test.url.parse().expect("a URL"), 1).expect("a database"));
    let is_postgres = test.is_postgres();
    test.db_execute(
        "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
         INSERT INTO users (id, email, username, password_hash, roles, claims, version, created_at, last_login_at, disabled_at) \
         SELECT 'id' || number, 'ann' || number || '@example.org', 'u' || number, '', '[\"user\"]', '{}', 1, \
         CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CASE WHEN number % 1000 = 0 THEN CURRENT_TIMESTAMP END FROM numbers; ANALYZE users",
    );
    let prefix = |prefix: &str| Filter { prefix: prefix.to_owned(), ..Filter::default() };
    let disabled = Filter { status: Some(Status::Disabled), ..Filter::default() };
    let owned = |text: &str| Some(text.to_owned());
    let position =
        crate::model::Position { at: chrono::DateTime::UNIX_EPOCH, id: crate::model::UserId::random() };
    for (filter, start, sqlite, postgres) in [
        (prefix(""), Start::Email(None), "users_2", "users_email_key"),
        (prefix("ann"), Start::Email(owned("ann3")), "users_2 (email>", "users_email_key"),
        (prefix("u"), Start::Username(owned("u3")), "users_3 (username>", "users_username_key"),
        (prefix(""), Start::Newest(Some(position)), "users_by_creation", "users_by_creation"),
        (prefix(""), Start::LastLogin(Some(position)), "users_by_login", "users_by_login"),
        (prefix("ann"), Start::LastLogin(None), "users_by_login", "users_by_login"),
        (disabled, Start::Email(None), "users_disabled", "users_disabled"),
    ] {
        let is_sorted_by_index = filter.status.is_none();
        let plan = plan(&test, filter, start.clone()).await;
        assert!(plan.contains(if is_postgres { postgres } else { sqlite }), "{start:?}: {plan}");
        assert!(!plan.contains("Seq Scan on users"), "{plan}");
        assert!(!(is_postgres && is_sorted_by_index && plan.contains("Sort")), "{plan}");
    }
    let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
    let unverified = few(&Condition::Status(Status::Unverified), 100);
    let plan = database.run(move |connection| explain(connection, unverified)).await.expect("a plan");
    let (sqlite, postgres) = ("INDEX users_unverified", "Index Only Scan using users_unverified");
    assert!(plan.contains(if is_postgres { postgres } else { sqlite }), "{plan}");
}
