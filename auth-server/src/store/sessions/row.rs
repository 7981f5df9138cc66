use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::model::{Ended, Generation, ImpossibleValue, Session};
use crate::store::schema::sessions;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub(super) struct Row {
    id: String,
    user_id: String,
    client_id: String,
    generation: i64,
    secret_hash: Vec<u8>,
    rotated_at: NaiveDateTime,
    idempotency_key_hash: Option<Vec<u8>>,
    redeliveries: i32,
    delivery: String,
    remember: bool,
    auth_time: NaiveDateTime,
    created_at: NaiveDateTime,
    idle_expires_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
    end_reason: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    amr: String,
}

impl From<&Session> for Row {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: session.user_id.to_string(),
            client_id: session.client_id.clone(),
            generation: number(session.generation),
            secret_hash: session.secret_hash.to_vec(),
            rotated_at: session.rotated_at.naive_utc(),
            idempotency_key_hash: session.idempotency_key_hash.map(|hash| hash.to_vec()),
            redeliveries: session.redeliveries,
            delivery: session.delivery.as_str().to_owned(),
            remember: session.remember,
            auth_time: session.auth_time.naive_utc(),
            created_at: session.created_at.naive_utc(),
            idle_expires_at: session.idle_expires_at.naive_utc(),
            expires_at: session.expires_at.naive_utc(),
            ended_at: session.ended.map(|ended| ended.at.naive_utc()),
            end_reason: session.ended.map(|ended| ended.reason.as_str().to_owned()),
            ip: session.ip.clone(),
            user_agent: session.user_agent.clone(),
            amr: session.amr.to_string(),
        }
    }
}

impl TryFrom<Row> for Session {
    type Error = ImpossibleValue;

    fn try_from(row: Row) -> Result<Self, ImpossibleValue> {
        let ended = match (row.ended_at, row.end_reason) {
            (None, None) => None,
            (Some(at), Some(reason)) => Some(Ended { at: at.and_utc(), reason: reason.parse()? }),
            _ => return Err(ImpossibleValue { column: "sessions.end_reason" }),
        };
        Ok(Self {
            id: row.id.parse().map_err(|_| ImpossibleValue { column: "sessions.id" })?,
            user_id: row.user_id.parse().map_err(|_| ImpossibleValue { column: "sessions.user_id" })?,
            client_id: row.client_id,
            generation: generation(row.generation)?,
            secret_hash: hash(row.secret_hash, "sessions.secret_hash")?,
            rotated_at: row.rotated_at.and_utc(),
            idempotency_key_hash: row
                .idempotency_key_hash
                .map(|bytes| hash(bytes, "sessions.idempotency_key_hash"))
                .transpose()?,
            redeliveries: row.redeliveries,
            delivery: row.delivery.parse()?,
            remember: row.remember,
            auth_time: row.auth_time.and_utc(),
            amr: row.amr.parse()?,
            created_at: row.created_at.and_utc(),
            idle_expires_at: row.idle_expires_at.and_utc(),
            expires_at: row.expires_at.and_utc(),
            ended,
            ip: row.ip,
            user_agent: row.user_agent,
        })
    }
}

/// Generations are below 2^53.
pub(super) fn number(generation: Generation) -> i64 {
    i64::try_from(generation.get()).unwrap_or(i64::MAX)
}

fn generation(number: i64) -> Result<Generation, ImpossibleValue> {
    u64::try_from(number)
        .ok()
        .and_then(Generation::new)
        .ok_or(ImpossibleValue { column: "sessions.generation" })
}

fn hash(bytes: Vec<u8>, column: &'static str) -> Result<[u8; 32], ImpossibleValue> {
    bytes.try_into().map_err(|_| ImpossibleValue { column })
}
