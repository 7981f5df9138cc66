//! Statements whose text depends on the request, with bound values.

use std::fmt::Display;
use std::marker::PhantomData;

use chrono::NaiveDateTime;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text, Timestamp};
use diesel::{QueryResult, RunQueryDsl};

use crate::model::Position;
use crate::store::AnyConnection;

type Backend = <AnyConnection as diesel::Connection>::Backend;

/// A part of a statement. Text of a request is only ever bound, never part of the SQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sql(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Sql(&'static str),
    Text(String),
    Time(NaiveDateTime),
    Number(i64),
}

impl Sql {
    pub fn new(sql: &'static str) -> Self {
        Self(vec![Part::Sql(sql)])
    }

    pub fn sql(mut self, sql: &'static str) -> Self {
        self.0.push(Part::Sql(sql));
        self
    }

    pub fn text(mut self, value: impl Into<String>) -> Self {
        self.0.push(Part::Text(value.into()));
        self
    }

    pub fn time(mut self, value: NaiveDateTime) -> Self {
        self.0.push(Part::Time(value));
        self
    }

    pub fn number(mut self, value: i64) -> Self {
        self.0.push(Part::Number(value));
        self
    }

    pub fn append(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// True if all of these are; none is true.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        let all = conditions.into_iter().reduce(|all, one| all.sql(" AND ").append(one));
        all.unwrap_or_else(|| Self::new("1 = 1"))
    }

    /// The rows after `position`, newest first. `time` is the column or expression of the order; ids are texts.
    pub fn below<Id: Display>(time: &'static str, position: &Position<Id>) -> Self {
        let at = position.at.naive_utc();
        // The first condition is redundant, but an index can use it.
        let sql = Self::new(time).sql(" <= ").time(at).sql(" AND (").sql(time).sql(" < ").time(at);
        sql.sql(" OR id < ").text(position.id.to_string()).sql(")")
    }

    /// The statement, whose rows have these columns.
    pub fn returning<T>(self) -> Statement<T> {
        Statement(self, PhantomData)
    }
}

/// A whole statement.
pub struct Statement<T>(Sql, PhantomData<T>);

impl<T> Query for Statement<T> {
    type SqlType = T;
}

impl<T> RunQueryDsl<AnyConnection> for Statement<T> {}

impl<T> QueryId for Statement<T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T> QueryFragment<Backend> for Statement<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        // There are many texts, and each plan depends on its values.
        out.unsafe_to_cache_prepared();
        for part in &self.0.0 {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Text(value) => out.push_bind_param::<Text, _>(value)?,
                Part::Time(value) => out.push_bind_param::<Timestamp, _>(value)?,
                Part::Number(value) => out.push_bind_param::<BigInt, _>(value)?,
            }
        }
        Ok(())
    }
}
