//! A row of any table: read from and written to either database, and as a line of JSON.

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::NaiveDateTime;
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::row::{Field, NamedRow};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Timestamp, Untyped};
use diesel::{QueryResult, RunQueryDsl};
use serde_json::{Value as Json, json};

use crate::store::schema::{Kind, TableDescription};
use crate::store::{AnyConnection, StoreError};

/// Rows per page and per transaction. Memory does not depend on the size of the tables.
pub const PAGE: usize = 1000;
const LIMIT_PAGE: &str = " LIMIT 1000";
/// SQLite allows 32,766 parameters per statement, PostgreSQL 65,535.
const PARAMETERS: usize = 30_000;
/// PostgreSQL stores microseconds. The checksums need the same digits in both databases.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6f";

type Backend = <AnyConnection as diesel::Connection>::Backend;

#[derive(Clone)]
pub enum Value {
    Text(Option<String>),
    BigInt(Option<i64>),
    Integer(Option<i32>),
    Bool(Option<bool>),
    Binary(Option<Vec<u8>>),
    Timestamp(Option<NaiveDateTime>),
}

/// The values in the order of the table's columns.
pub struct Row(Vec<Value>);

impl Row {
    /// A line of the file, without its end.
    pub fn to_json(&self) -> String {
        Json::Array(self.0.iter().map(Value::to_json).collect()).to_string()
    }

    /// `None` if a value does not fit its column.
    pub fn from_json(table: &TableDescription, line: &[u8]) -> Option<Self> {
        let values: Vec<Json> = serde_json::from_slice(line).ok()?;
        if values.len() != table.columns.len() {
            return None;
        }
        let values = values.into_iter().zip(table.columns).map(|(json, column)| Value::of(column.kind, json));
        values.collect::<Option<_>>().map(Self)
    }
}

impl Value {
    fn to_json(&self) -> Json {
        match self {
            Self::Text(value) => json!(value),
            Self::BigInt(value) => json!(value),
            Self::Integer(value) => json!(value),
            Self::Bool(value) => json!(value),
            Self::Binary(value) => json!(value.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes))),
            Self::Timestamp(value) => json!(value.map(|time| time.format(TIME).to_string())),
        }
    }

    fn of(kind: Kind, json: Json) -> Option<Self> {
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let time = |json: &Json| NaiveDateTime::parse_from_str(json.as_str()?, TIME).ok();
        Some(match (kind, json) {
            (Kind::Text, Json::Null) => Self::Text(None),
            (Kind::Text, json) => Self::Text(Some(text(&json)?)),
            (Kind::BigInt, Json::Null) => Self::BigInt(None),
            (Kind::BigInt, json) => Self::BigInt(Some(json.as_i64()?)),
            (Kind::Integer, Json::Null) => Self::Integer(None),
            (Kind::Integer, json) => Self::Integer(Some(json.as_i64()?.try_into().ok()?)),
            (Kind::Bool, Json::Null) => Self::Bool(None),
            (Kind::Bool, json) => Self::Bool(Some(json.as_bool()?)),
            (Kind::Binary, Json::Null) => Self::Binary(None),
            (Kind::Binary, json) => Self::Binary(Some(BASE64_STANDARD.decode(json.as_str()?).ok()?)),
            (Kind::Timestamp, Json::Null) => Self::Timestamp(None),
            (Kind::Timestamp, json) => Self::Timestamp(Some(time(&json)?)),
        })
    }
}

/// Up to [`PAGE`] rows after another one, in the order of the primary key.
pub fn page(
    connection: &mut AnyConnection,
    table: &TableDescription,
    after: Option<&Row>,
) -> Result<Vec<Row>, StoreError> {
    // The alias of a column is its type, so that a row can be read without its table.
    let columns = table.columns.iter().map(|column| [quoted(column.name), alias(column.kind)].concat());
    let key: Vec<Part> = list(table.key().map(|index| quoted(table.columns[index].name)));
    let mut parts = vec![sql("SELECT ")];
    parts.extend(list(columns));
    parts.extend([sql(" FROM "), sql(table.name)]);
    if let Some(Row(last)) = after {
        let last = table.key().map(|index| vec![Part::Value(last[index].clone())]);
        parts.extend([sql(" WHERE (")].into_iter().chain(key.clone()).chain([sql(") > (")]));
        parts.extend(list(last));
        parts.push(sql(")"));
    }
    parts.extend([sql(" ORDER BY ")].into_iter().chain(key).chain([sql(LIMIT_PAGE)]));
    Ok(Statement(parts).load(connection)?)
}

/// Calls `each` with every row, in the order of the primary key.
pub fn each<E: From<StoreError>>(
    connection: &mut AnyConnection,
    table: &TableDescription,
    mut each: impl FnMut(&Row) -> Result<(), E>,
) -> Result<(), E> {
    let mut last = None;
    loop {
        let mut rows = page(connection, table, last.as_ref())?;
        rows.iter().try_for_each(&mut each)?;
        if rows.len() < PAGE {
            return Ok(());
        }
        last = rows.pop();
    }
}

pub fn insert(
    connection: &mut AnyConnection,
    table: &TableDescription,
    rows: Vec<Row>,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut parts = vec![sql("INSERT INTO "), sql(table.name), sql(" (")];
        parts.extend(list(table.columns.iter().map(|column| quoted(column.name))));
        parts.push(sql(") VALUES "));
        let some = rows.by_ref().take(PARAMETERS / table.columns.len()).map(|Row(values)| {
            let values = list(values.into_iter().map(|value| vec![Part::Value(value)]));
            [vec![sql("(")], values, vec![sql(")")]].concat()
        });
        parts.extend(list(some));
        Statement(parts).execute(connection)?;
    }
    Ok(())
}

impl QueryableByName<Backend> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Backend>) -> deserialize::Result<Self> {
        let value = |index| {
            let field = diesel::row::Row::get(row, index).ok_or("a column is missing")?;
            let value = field.value();
            Ok(match field.field_name() {
                Some("text") => Value::Text(FromSql::<Nullable<Text>, Backend>::from_nullable_sql(value)?),
                Some("bigint") => {
                    Value::BigInt(FromSql::<Nullable<BigInt>, Backend>::from_nullable_sql(value)?)
                }
                Some("integer") => {
                    Value::Integer(FromSql::<Nullable<Integer>, Backend>::from_nullable_sql(value)?)
                }
                Some("bool") => Value::Bool(FromSql::<Nullable<Bool>, Backend>::from_nullable_sql(value)?),
                Some("binary") => {
                    Value::Binary(FromSql::<Nullable<Binary>, Backend>::from_nullable_sql(value)?)
                }
                Some("timestamp") => {
                    Value::Timestamp(FromSql::<Nullable<Timestamp>, Backend>::from_nullable_sql(value)?)
                }
                _ => return Err("a column has an unknown type".into()),
            })
        };
        (0..row.field_count()).map(value).collect::<deserialize::Result<_>>().map(Self)
    }
}

fn alias(kind: Kind) -> Vec<Part> {
    vec![sql(match kind {
        Kind::Text => " AS \"text\"",
        Kind::BigInt => " AS \"bigint\"",
        Kind::Integer => " AS \"integer\"",
        Kind::Bool => " AS \"bool\"",
        Kind::Binary => " AS \"binary\"",
        Kind::Timestamp => " AS \"timestamp\"",
    })]
}

/// SQL with bound values.
struct Statement(Vec<Part>);

#[derive(Clone)]
enum Part {
    Sql(&'static str),
    Value(Value),
}

fn sql(text: &'static str) -> Part {
    Part::Sql(text)
}

fn quoted(name: &'static str) -> Vec<Part> {
    vec![sql("\""), sql(name), sql("\"")]
}

fn list(items: impl Iterator<Item = Vec<Part>>) -> Vec<Part> {
    items
        .enumerate()
        .flat_map(|(index, item)| (index > 0).then(|| sql(", ")).into_iter().chain(item))
        .collect()
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl RunQueryDsl<AnyConnection> for Statement {}

impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Backend> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        for part in &self.0 {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Value(Value::Text(value)) => out.push_bind_param::<Nullable<Text>, _>(value)?,
                Part::Value(Value::BigInt(value)) => out.push_bind_param::<Nullable<BigInt>, _>(value)?,
                Part::Value(Value::Integer(value)) => out.push_bind_param::<Nullable<Integer>, _>(value)?,
                Part::Value(Value::Bool(value)) => out.push_bind_param::<Nullable<Bool>, _>(value)?,
                Part::Value(Value::Binary(value)) => out.push_bind_param::<Nullable<Binary>, _>(value)?,
                Part::Value(Value::Timestamp(value)) => {
                    out.push_bind_param::<Nullable<Timestamp>, _>(value)?;
                }
            }
        }
        Ok(())
    }
}
