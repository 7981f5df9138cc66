use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::expression::{Expression, Selectable};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Timestamp};
use diesel::sqlite::Sqlite;

use crate::fail_points;
use crate::model::{Delivery, Session};
use crate::store::connection::on_backend;
use crate::store::sessions::row::{Row, number};
use crate::store::sessions::{Guard, RotateParams};
use crate::store::{AnyConnection, StoreError};

/// The same for both backends.
type Columns = <Row as Selectable<Sqlite>>::SelectExpression;

/// Rotates with one guarded UPDATE, which decides every race. Returns the updated session, or `None` if no row matched;
/// the caller then reads the row to find out why.
pub fn rotate(
    connection: &mut AnyConnection,
    params: &RotateParams,
    guard: Guard,
) -> Result<Option<Session>, StoreError> {
    let rotate = Rotate::new(params, guard);
    let row = on_backend!(connection, |connection| rotate.get_result::<Row>(connection)).optional()?;
    Ok(row.map(Session::try_from).transpose()?)
}

/// Written as text because Diesel does not cache its own UPDATE statements.
struct Rotate<'a> {
    params: &'a RotateParams,
    id: String,
    next: i64,
    generations: [i64; 2],
    deliveries: [&'static str; 2],
    secret_hash: &'a [u8],
    new_secret_hash: &'a [u8],
    idempotency_key_hash: Option<&'a [u8]>,
    now: NaiveDateTime,
    idle_limit: NaiveDateTime,
    idle_expires_at: NaiveDateTime,
    auth_time: Option<NaiveDateTime>,
    amr: Option<String>,
    columns: Columns,
}

impl<'a> Rotate<'a> {
    fn new(params: &'a RotateParams, guard: Guard) -> Self {
        let generation = number(params.generation);
        let lowest = match guard {
            Guard::Exact => generation,
            Guard::ExactOrOlder => 0,
        };
        let highest = if fail_points::is_set("rotation-without-guard") { i64::MAX } else { generation };
        Self {
            params,
            id: params.id.to_string(),
            next: generation + 1,
            generations: [lowest, highest],
            deliveries: params.transport.deliveries().map(Delivery::as_str),
            secret_hash: &params.secret_hash,
            new_secret_hash: params.new_secret_hash.as_ref().unwrap_or(&params.secret_hash),
            idempotency_key_hash: params.idempotency_key_hash.as_ref().map(|hash| &hash[..]),
            now: params.now.naive_utc(),
            idle_limit: params.idle_limit(),
            idle_expires_at: params.idle_expires_at.naive_utc(),
            auth_time: params.authenticated.as_ref().map(|(at, _)| at.naive_utc()),
            amr: params.authenticated.as_ref().map(|(_, amr)| amr.to_string()),
            columns: <Row as Selectable<Sqlite>>::construct_selection(),
        }
    }
}

impl<DB: Backend> QueryFragment<DB> for Rotate<'_>
where
    Columns: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
    [u8]: ToSql<Binary, DB>,
    str: ToSql<Text, DB>,
    NaiveDateTime: ToSql<Timestamp, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE sessions SET generation = ");
        out.push_bind_param::<BigInt, _>(&self.next)?;
        out.push_sql(", rotated_at = ");
        out.push_bind_param::<Timestamp, _>(&self.now)?;
        out.push_sql(", idle_expires_at = ");
        out.push_bind_param::<Timestamp, _>(&self.idle_expires_at)?;
        out.push_sql(", idempotency_key_hash = ");
        out.push_bind_param::<Nullable<Binary>, _>(&self.idempotency_key_hash)?;
        out.push_sql(", redeliveries = 0, auth_time = COALESCE(");
        out.push_bind_param::<Nullable<Timestamp>, _>(&self.auth_time)?;
        out.push_sql(", auth_time), amr = COALESCE(");
        out.push_bind_param::<Nullable<Text>, _>(&self.amr)?;
        out.push_sql(", amr), secret_hash = ");
        out.push_bind_param::<Binary, _>(self.new_secret_hash)?;
        out.push_sql(", ip = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.params.ip)?;
        out.push_sql(", user_agent = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.params.user_agent)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Text, _>(&self.id)?;
        out.push_sql(" AND secret_hash = ");
        out.push_bind_param::<Binary, _>(self.secret_hash)?;
        out.push_sql(" AND generation BETWEEN ");
        out.push_bind_param::<BigInt, _>(&self.generations[0])?;
        out.push_sql(" AND ");
        out.push_bind_param::<BigInt, _>(&self.generations[1])?;
        out.push_sql(" AND delivery IN (");
        out.push_bind_param::<Text, _>(self.deliveries[0])?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.deliveries[1])?;
        out.push_sql(") AND ended_at IS NULL AND expires_at > ");
        out.push_bind_param::<Timestamp, _>(&self.now)?;
        out.push_sql(" AND idle_expires_at > ");
        out.push_bind_param::<Timestamp, _>(&self.idle_limit)?;
        out.push_sql(" RETURNING ");
        self.columns.walk_ast(out.reborrow())
    }
}

impl QueryId for Rotate<'_> {
    type QueryId = Rotate<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Rotate<'_> {
    type SqlType = <Columns as Expression>::SqlType;
}

impl<Connection> RunQueryDsl<Connection> for Rotate<'_> {}
