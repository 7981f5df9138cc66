//! Query plans, for tests.

use std::marker::PhantomData;

use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Integer, Text};
use diesel::{QueryResult, RunQueryDsl};

use crate::store::{AnyConnection, StoreError};

type Backend = <AnyConnection as diesel::Connection>::Backend;

/// The plan of a query.
pub fn explain<Q>(connection: &mut AnyConnection, query: Q) -> Result<String, StoreError>
where
    Q: QueryFragment<Backend>,
{
    let is_sqlite = matches!(connection, AnyConnection::Sqlite(_));
    let lines: Vec<String> = if is_sqlite {
        let rows: Vec<(i32, i32, i32, String)> =
            Explain::<_, (Integer, Integer, Integer, Text)>::new("EXPLAIN QUERY PLAN ", query)
                .load(connection)?;
        rows.into_iter().map(|row| row.3).collect()
    } else {
        Explain::<_, Text>::new("EXPLAIN ", query).load(connection)?
    };
    Ok(lines.join("\n"))
}

/// A statement that returns the plan of a query.
struct Explain<Q, T>(&'static str, Q, PhantomData<T>);

impl<Q, T> Explain<Q, T> {
    fn new(keyword: &'static str, query: Q) -> Self {
        Self(keyword, query, PhantomData)
    }
}

impl<Q, T> diesel::query_builder::Query for Explain<Q, T> {
    type SqlType = T;
}

impl<Q, T> RunQueryDsl<AnyConnection> for Explain<Q, T> {}

impl<Q, T> QueryId for Explain<Q, T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Backend>, T> QueryFragment<Backend> for Explain<Q, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(self.0);
        self.1.walk_ast(out)
    }
}
