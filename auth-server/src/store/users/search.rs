//! Pages of users, each read from an index in its order.

use diesel::dsl::{AsSelect, IntoBoxed, Select};
use diesel::prelude::*;

use crate::model::User;
use crate::store::schema::users;
use crate::store::users::Row;
use crate::store::{AnyConnection, StoreError};

/// A range of texts in byte order, which both databases use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// All texts start with this.
    prefix: String,
    /// Exclusive lower bound.
    after: Option<String>,
}

impl Range {
    /// Texts that start with `prefix` and are greater than `after`.
    pub fn new(prefix: &str, after: Option<&str>) -> Self {
        // With two lower bounds a database may use the wrong one for the index scan.
        let after = after.filter(|after| *after >= prefix).map(str::to_owned);
        Self { prefix: prefix.to_owned(), after }
    }

    /// The smallest text greater than all texts with the prefix.
    fn end(&self) -> Option<String> {
        let mut end = self.prefix.clone();
        while let Some(last) = end.pop() {
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                return Some(end);
            }
        }
        None
    }
}

/// Up to `limit` users whose e-mail address is in the range.
pub fn page_by_email(
    connection: &mut AnyConnection,
    range: &Range,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    users(by_email(range, limit).load(connection)?)
}

/// Up to `limit` users whose username is in the range.
pub fn page_by_username(
    connection: &mut AnyConnection,
    range: &Range,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    users(by_username(range, limit).load(connection)?)
}

type Backend = <AnyConnection as diesel::Connection>::Backend;
type Query = IntoBoxed<'static, Select<users::table, AsSelect<Row, Backend>>, Backend>;

fn by_email(range: &Range, limit: i64) -> Query {
    let mut query = users::table.select(Row::as_select()).filter(users::deleted_at.is_null()).into_boxed();
    query = match &range.after {
        Some(after) => query.filter(users::email.gt(after.clone())),
        None => query.filter(users::email.ge(range.prefix.clone())),
    };
    if let Some(end) = range.end() {
        query = query.filter(users::email.lt(end));
    }
    query.order(users::email).limit(limit)
}

fn by_username(range: &Range, limit: i64) -> Query {
    let mut query = users::table.select(Row::as_select()).filter(users::deleted_at.is_null()).into_boxed();
    query = match &range.after {
        Some(after) => query.filter(users::username.gt(after.clone())),
        None => query.filter(users::username.ge(range.prefix.clone())),
    };
    if let Some(end) = range.end() {
        query = query.filter(users::username.lt(end));
    }
    query.order(users::username).limit(limit)
}

fn users(rows: Vec<Row>) -> Result<Vec<User>, StoreError> {
    rows.into_iter().map(|row| User::try_from(row).map_err(StoreError::from)).collect()
}

#[cfg(test)]
mod tests {
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
            assert_eq!(Range::new(prefix, None).end().as_deref(), end, "{prefix:?}");
        }
        assert_eq!(Range::new("b", Some("a")), Range::new("b", None), "a redundant bound");
    }

    #[actix_web::test]
    async fn every_page_is_read_from_an_index_in_its_order() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        test.db_execute(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
             INSERT INTO users (id, email, username, password_hash, roles, claims, version, created_at) \
             SELECT 'id' || number, 'ann' || number || '@example.org', 'u' || number, '', '[]', '{}', 1, CURRENT_TIMESTAMP \
             FROM numbers; ANALYZE users",
        );
        let columns =
            [("email", "ann", by_email as fn(&Range, i64) -> Query), ("username", "u", by_username)];
        for (column, prefix, query) in columns {
            for (prefix, after) in [("", None), (prefix, None), (prefix, Some(format!("{prefix}3")))] {
                let query = query(&Range::new(prefix, after.as_deref()), 50);
                let plan = database.run(move |connection| explain(connection, query)).await.expect("a plan");
                let index = match (test.is_postgres(), column) {
                    (true, _) => format!("Index Scan using users_{column}_key"),
                    (false, "email") => "USING INDEX sqlite_autoindex_users_2 (email>".to_owned(),
                    (false, _) => "USING INDEX sqlite_autoindex_users_3 (username>".to_owned(),
                };
                assert!(plan.contains(&index), "{column} {prefix:?}: {plan}");
                assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }
}
