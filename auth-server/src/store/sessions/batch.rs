//! Many rotations in one statement, on PostgreSQL.

use chrono::NaiveDateTime;
use diesel::connection::DefaultLoadingMode;
use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamp};

use crate::fail_points;
use crate::model::{Delivery, Session, User};
use crate::store::sessions::RotateParams;
use crate::store::sessions::row::{Row, number};
use crate::store::{StoreError, users};

type Columns<Row> = <Row as Selectable<Pg>>::SelectExpression;
type SqlTypeOf<T> = <T as Expression>::SqlType;

/// Rotates each session whose row fits, is not locked and has an enabled user, as `rotate` does with `Guard::Exact`. Returns
/// one result for each rotation, in the same order. `None`: nothing was written. One of several rotations of one session
/// gets its row.
///
/// The user is the one that the statement's snapshot contains. A transaction that disables the user or changes the roles may
/// commit after it. If it ends the session, its lock or its row excludes the session here. The tokens issued here have the old
/// version of the user, so the revocation feed makes them stale.
pub fn rotate_batch(
    connection: &mut PgConnection,
    batch: &[RotateParams],
) -> Result<Vec<Option<(Session, User)>>, StoreError> {
    let mut results: Vec<_> = batch.iter().map(|_| None).collect();
    let statement = Rotate::new(batch);
    for row in statement.load_iter::<(i64, Row, users::Row), DefaultLoadingMode>(connection)? {
        // A row that cannot be read must not fail the others. Without a result its request reads it again and fails.
        let Ok((position, session, user)) = row else { continue };
        let (Ok(session), Ok(user)) = (Session::try_from(session), User::try_from(user)) else { continue };
        let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
        if batch.get(index).is_some_and(|params| params.id == session.id) {
            results[index] = Some((session, user));
        }
    }
    Ok(results)
}

/// One array for each parameter, so that batches of all sizes share a prepared statement.
struct Rotate<'a> {
    ids: Vec<String>,
    secret_hashes: Vec<&'a [u8]>,
    generations: Vec<i64>,
    deliveries: [Vec<&'static str>; 2],
    now: Vec<NaiveDateTime>,
    idle_limits: Vec<NaiveDateTime>,
    idle_expires_at: Vec<NaiveDateTime>,
    idempotency_key_hashes: Vec<Option<&'a [u8]>>,
    ips: Vec<Option<&'a str>>,
    user_agents: Vec<Option<&'a str>>,
    columns: (Columns<Row>, Columns<users::Row>),
}

fn selection<Row: Selectable<Pg>>() -> Columns<Row> {
    Row::construct_selection()
}

impl<'a> Rotate<'a> {
    fn new(batch: &'a [RotateParams]) -> Self {
        fn all<'a, T>(batch: &'a [RotateParams], value: impl Fn(&'a RotateParams) -> T) -> Vec<T> {
            batch.iter().map(value).collect()
        }
        let delivery =
            |index: usize| all(batch, move |params| Delivery::as_str(params.transport.deliveries()[index]));
        Self {
            ids: all(batch, |params| params.id.to_string()),
            secret_hashes: all(batch, |params| &params.secret_hash[..]),
            generations: all(batch, |params| number(params.generation)),
            deliveries: [delivery(0), delivery(1)],
            now: all(batch, |params| params.now.naive_utc()),
            idle_limits: all(batch, RotateParams::idle_limit),
            idle_expires_at: all(batch, |params| params.idle_expires_at.naive_utc()),
            idempotency_key_hashes: all(batch, |params| {
                params.idempotency_key_hash.as_ref().map(|hash| &hash[..])
            }),
            ips: all(batch, |params| params.ip.as_deref()),
            user_agents: all(batch, |params| params.user_agent.as_deref()),
            columns: (selection::<Row>(), selection::<users::Row>()),
        }
    }
}

impl QueryFragment<Pg> for Rotate<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // LATERAL: each row is found by its id, independent of the statistics of the table. MATERIALIZED: each is looked up once.
        // SKIP LOCKED: a session that another transaction holds does not delay the others, and the statement cannot be part of
        // a deadlock. The first array is a subquery, so that PostgreSQL expects as many rows from a small batch as from a large
        // one and keeps one plan for all.
        out.push_sql(
            "WITH fitting AS MATERIALIZED (SELECT presented.*, stored.row_id, stored.user_id FROM unnest((SELECT ",
        );
        out.push_bind_param::<Array<Text>, _>(&self.ids)?;
        out.push_sql("), ");
        out.push_bind_param::<Array<Binary>, _>(&self.secret_hashes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.generations)?;
        for deliveries in &self.deliveries {
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(deliveries)?;
        }
        for times in [&self.now, &self.idle_limits, &self.idle_expires_at] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Timestamp>, _>(times)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Binary>>, _>(&self.idempotency_key_hashes)?;
        for texts in [&self.ips, &self.user_agents] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(texts)?;
        }
        out.push_sql(
            ") WITH ORDINALITY AS presented (id, secret_hash, generation, delivery, other_delivery, now, idle_limit, \
             idle_expires_at, idempotency_key_hash, ip, user_agent, position) \
             CROSS JOIN LATERAL (SELECT sessions.ctid AS row_id, sessions.user_id FROM sessions \
             WHERE sessions.id = presented.id AND sessions.secret_hash = presented.secret_hash \
             AND sessions.delivery IN (presented.delivery, presented.other_delivery) \
             AND sessions.ended_at IS NULL AND sessions.expires_at > presented.now \
             AND sessions.idle_expires_at > presented.idle_limit AND sessions.generation ",
        );
        out.push_sql(if fail_points::is_set("rotation-without-guard") { ">=" } else { "=" });
        // Where the row was updated after the snapshot, its version is not visible here: nothing is written.
        out.push_sql(
            " presented.generation FOR NO KEY UPDATE SKIP LOCKED) AS stored) \
             UPDATE sessions SET generation = fitting.generation + 1, rotated_at = fitting.now, \
             idle_expires_at = fitting.idle_expires_at, idempotency_key_hash = fitting.idempotency_key_hash, \
             redeliveries = 0, ip = fitting.ip, user_agent = fitting.user_agent FROM fitting \
             JOIN users ON users.id = fitting.user_id AND users.disabled_at IS NULL AND users.deleted_at IS NULL \
             WHERE sessions.ctid = fitting.row_id RETURNING fitting.position, ",
        );
        self.columns.walk_ast(out.reborrow())
    }
}

impl QueryId for Rotate<'_> {
    type QueryId = Rotate<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Rotate<'_> {
    type SqlType = (BigInt, SqlTypeOf<Columns<Row>>, SqlTypeOf<Columns<users::Row>>);
}

impl RunQueryDsl<PgConnection> for Rotate<'_> {}
