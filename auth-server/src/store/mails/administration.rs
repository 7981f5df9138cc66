//! The outbox as operators see it.

use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::{AsSelect, IntoBoxed, Select};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{self, MailId};
use crate::store::mails::is_waiting;
use crate::store::schema::mails;
use crate::store::{AnyConnection, StoreError};

pub type Position = model::Position<MailId>;

/// A mail in the list.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = mails)]
pub struct ListedMail {
    pub id: String,
    pub kind: String,
    pub recipient: String,
    pub locale: String,
    pub created_at: NaiveDateTime,
    pub due_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub attempts: i32,
    pub sent_at: Option<NaiveDateTime>,
    pub failed_at: Option<NaiveDateTime>,
    /// What the mail server said, or why the mail was not sent.
    pub outcome: Option<String>,
}

/// State of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OutboxState)]
pub enum State {
    Waiting,
    Sent,
    Failed,
}

#[derive(Debug, thiserror::Error)]
#[error("must be waiting, sent or failed")]
pub struct UnknownState;

/// Which mails to send again.
#[derive(Clone, Debug)]
pub enum Retry {
    One(MailId),
    /// All that failed or wait for their next attempt.
    All,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let all = [Self::Waiting, Self::Sent, Self::Failed];
        all.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

impl ListedMail {
    pub fn state(&self) -> State {
        match (self.sent_at, self.failed_at) {
            (Some(_), _) => State::Sent,
            (None, Some(_)) => State::Failed,
            (None, None) => State::Waiting,
        }
    }
}

type Backend = <AnyConnection as diesel::Connection>::Backend;
type Query = IntoBoxed<'static, Select<mails::table, AsSelect<ListedMail, Backend>>, Backend>;

/// Up to `limit` mails, newest first, below `below`.
pub fn page(
    connection: &mut AnyConnection,
    state: Option<State>,
    below: Option<Position>,
    limit: i64,
) -> Result<Vec<ListedMail>, StoreError> {
    Ok(query(state, below, limit).load(connection)?)
}

fn query(state: Option<State>, below: Option<Position>, limit: i64) -> Query {
    let mut query = mails::table.select(ListedMail::as_select()).into_boxed();
    match state {
        Some(State::Waiting) => query = query.filter(is_waiting()),
        Some(State::Sent) => query = query.filter(mails::sent_at.is_not_null()),
        Some(State::Failed) => query = query.filter(mails::failed_at.is_not_null()),
        None => {}
    }
    if let Some(Position { at, id }) = below {
        let at = at.naive_utc();
        // The first condition is redundant, but an index can use it.
        query = query
            .filter(mails::created_at.le(at))
            .filter(mails::created_at.lt(at).or(mails::created_at.eq(at).and(mails::id.lt(id.to_string()))));
    }
    query.order((mails::created_at.desc(), mails::id.desc())).limit(limit)
}

/// Makes mails due now that failed or wait, unless they have expired or were sent. Returns how many.
pub fn retry(connection: &mut AnyConnection, which: &Retry, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let now = now.naive_utc();
    let can_be_sent = mails::sent_at.is_null().and(mails::expires_at.gt(now));
    let due = (mails::due_at.eq(now), mails::failed_at.eq(None::<NaiveDateTime>), mails::attempts.eq(0));
    let rows = mails::table.filter(can_be_sent);
    Ok(match which {
        Retry::One(id) => {
            diesel::update(rows.filter(mails::id.eq(id.to_string()))).set(due).execute(connection)?
        }
        Retry::All => diesel::update(rows).set(due).execute(connection)?,
    })
}

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::explain::explain;
    use crate::store::mails::administration::*;

    #[tokio::test]
    async fn a_page_is_read_from_the_index_of_the_order() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        test.db_execute(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
             INSERT INTO mails (id, kind, recipient, requester, locale, data, created_at, due_at, expires_at, sent_at) \
             SELECT 'id' || number, 'reset', 'ann@example.org', '', 'en', '{}', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, \
             CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM numbers; \
             ANALYZE mails",
        );
        let position = Position { at: DateTime::UNIX_EPOCH, id: MailId::random() };
        for (state, below) in [(None, None), (None, Some(position)), (Some(State::Sent), None)] {
            let query = query(state, below, 50);
            let plan = database.run(move |connection| explain(connection, query)).await.expect("a plan");
            assert!(plan.contains("mails_by_time"), "{plan}");
        }
    }
}
