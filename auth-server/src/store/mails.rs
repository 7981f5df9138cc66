//! The table `mails`: the outbox.

mod administration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::model::{Email, ImpossibleValue, Locale, MailId, MailKind, ProofId, UserId};
use crate::store::connection::on_backend;
use crate::store::schema::mails;
use crate::store::{AnyConnection, StoreError};

pub use administration::{ListedMail, Position, Retry, State, page, retry};

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct NewMail {
    pub kind: MailKind,
    pub recipient: Email,
    /// The user, if the request knows them. For a reset, the sender looks them up.
    pub user: Option<UserId>,
    /// The source of link and code.
    pub proof: Option<ProofId>,
    /// The requester, for the limits of requested mails. Empty for notices.
    pub requester: String,
    pub locale: Locale,
    /// Values for the template. No secrets.
    pub data: Map<String, Value>,
    /// When the link or code in the mail expires.
    pub expires_at: DateTime<Utc>,
}

/// A mail that this server may send.
#[derive(Clone, Debug)]
pub struct StoredMail {
    pub id: MailId,
    pub kind: MailKind,
    pub recipient: Email,
    pub user: Option<UserId>,
    pub proof: Option<ProofId>,
    pub locale: Locale,
    pub data: Map<String, Value>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// Failed attempts.
    pub attempts: i32,
    /// Names the claim.
    pub lease: String,
    /// From then on another server may send it.
    pub leased_until: DateTime<Utc>,
}

/// Outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent {
        response: String,
    },
    /// Not tried again.
    Failed {
        reason: String,
    },
    /// Not sent: its link is void, or no user has the address.
    Dropped {
        reason: String,
    },
    /// Tried again.
    Retry {
        reason: String,
        due_at: DateTime<Utc>,
    },
    /// Not tried, and tried again without counting an attempt.
    Postponed {
        due_at: DateTime<Utc>,
    },
    /// Not tried at all: due as before.
    Released,
}

/// The mails that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub count: i64,
    /// When the first of them is or was due.
    pub first_due: Option<DateTime<Utc>>,
}

/// Adds a mail to the outbox. It is sent after the commit of the caller's transaction.
pub fn enqueue(
    connection: &mut AnyConnection,
    mail: &NewMail,
    now: DateTime<Utc>,
) -> Result<MailId, StoreError> {
    let id = MailId::random();
    let row = NewRow {
        id: id.to_string(),
        kind: mail.kind.as_str(),
        recipient: mail.recipient.as_str(),
        user_id: mail.user.map(|user| user.to_string()),
        proof_id: mail.proof.map(|proof| proof.to_string()),
        requester: &mail.requester,
        locale: mail.locale.as_str(),
        data: Value::from(mail.data.clone()).to_string(),
        created_at: now.naive_utc(),
        due_at: now.naive_utc(),
        expires_at: mail.expires_at.naive_utc(),
    };
    let insert = diesel::insert_into(mails::table).values(row);
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(id)
}

/// A mail that a request asked for.
#[derive(Clone, Debug)]
pub struct RequestedMail {
    pub at: DateTime<Utc>,
    pub requester: String,
}

/// The mails to this address that requests asked for since then, newest first.
pub fn requested_since(
    connection: &mut AnyConnection,
    recipient: &Email,
    since: DateTime<Utc>,
) -> Result<Vec<RequestedMail>, StoreError> {
    let to_recipient = mails::recipient.eq(recipient.as_str()).and(mails::requester.ne(""));
    let rows: Vec<(NaiveDateTime, String)> = mails::table
        .filter(to_recipient.and(mails::created_at.gt(since.naive_utc())))
        .order(mails::created_at.desc())
        .limit(100)
        .select((mails::created_at, mails::requester))
        .load(connection)?;
    Ok(rows.into_iter().map(|(at, requester)| RequestedMail { at: at.and_utc(), requester }).collect())
}

/// Whether there is a mail of this kind about the user to this address since then.
pub fn exists_since(
    connection: &mut AnyConnection,
    user: UserId,
    kind: MailKind,
    recipient: &Email,
    since: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let of_user = mails::user_id.eq(user.to_string()).and(mails::kind.eq(kind.as_str()));
    let to_recipient = of_user.and(mails::recipient.eq(recipient.as_str()));
    let newer = mails::table.filter(to_recipient.and(mails::created_at.gt(since.naive_utc())));
    let found: Option<String> = newer.select(mails::id).first(connection).optional()?;
    Ok(found.is_some())
}

/// Whether the mail waits to be sent. The condition of the index `mails_due`.
#[diesel::dsl::auto_type]
fn is_waiting() -> _ {
    mails::sent_at.is_null().and(mails::failed_at.is_null())
}

pub fn waiting(connection: &mut AnyConnection) -> Result<Waiting, StoreError> {
    let (count, first): (i64, Option<NaiveDateTime>) = mails::table
        .filter(is_waiting())
        .select((diesel::dsl::count_star(), diesel::dsl::min(mails::due_at)))
        .first(connection)?;
    Ok(Waiting { count, first_due: first.map(|at| at.and_utc()) })
}

/// Claims up to `limit` mails that are due, for as long as `lease_time`. Of several servers, one gets each mail. Kinds
/// that this version does not know are left to newer servers. Other rows that cannot be read are skipped until the lease ends.
pub fn claim(
    connection: &mut AnyConnection,
    lease: &str,
    lease_time: TimeDelta,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<StoredMail>, StoreError> {
    let at = now.naive_utc();
    // Diesel requires another name for the table of an update in its subquery.
    let due = diesel::alias!(mails as due);
    let (leased_until, due_at) = (due.field(mails::leased_until), due.field(mails::due_at));
    let first_due = due
        .filter(due.field(mails::sent_at).is_null().and(due.field(mails::failed_at).is_null()))
        .filter(due_at.le(at))
        .filter(due.field(mails::kind).eq_any(MailKind::ALL.map(MailKind::as_str)))
        .filter(leased_until.is_null().or(leased_until.le(at).assume_not_null()))
        .order(due_at)
        .limit(limit)
        .select(due.field(mails::id));
    // Again, because on PostgreSQL another server may claim a row after the subquery has read it.
    let is_free = mails::leased_until.is_null().or(mails::leased_until.le(at).assume_not_null());
    let free = mails::table.filter(mails::id.eq_any(first_due)).filter(is_waiting()).filter(is_free);
    let leased_until = now + lease_time;
    let claim = (mails::lease.eq(lease), mails::leased_until.eq(leased_until.naive_utc()));
    let claim = diesel::update(free).set(claim);
    let mut rows: Vec<Row> = on_backend!(connection, |connection| {
        claim.returning(Row::as_returning()).get_results(connection)
    })?;
    rows.sort_unstable_by_key(|row| row.due_at);
    let read = |row: Row| {
        let id = row.id.clone();
        row.read(leased_until).inspect_err(|error| log::warn!("mail {id}: {error}")).ok()
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Ends the claim on a mail. Returns `false` if the lease has ended, and the mail is another server's now.
pub fn finish(
    connection: &mut AnyConnection,
    mail: &StoredMail,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut change = Change { lease: None, leased_until: None, ..Change::default() };
    match outcome {
        Outcome::Sent { response } => {
            change.sent_at = Some(now.naive_utc());
            change.outcome = Some(response.clone());
        }
        Outcome::Failed { reason } | Outcome::Dropped { reason } => {
            change.failed_at = Some(now.naive_utc());
            change.outcome = Some(reason.clone());
        }
        Outcome::Retry { reason, due_at } => {
            change.due_at = Some(due_at.naive_utc());
            change.outcome = Some(reason.clone());
            change.attempts = Some(mail.attempts + 1);
        }
        Outcome::Postponed { due_at } => change.due_at = Some(due_at.naive_utc()),
        Outcome::Released => {}
    }
    let row = mails::table.filter(mails::id.eq(mail.id.to_string()).and(mails::lease.eq(&mail.lease)));
    Ok(diesel::update(row).set(change).execute(connection)? == 1)
}

/// Deletes up to `limit` mails that were sent or failed before `before`.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let before = before.naive_utc();
    let sent: Vec<String> = mails::table
        .filter(mails::sent_at.lt(before))
        .order(mails::sent_at)
        .limit(limit)
        .select(mails::id)
        .load(connection)?;
    let failed: Vec<String> = mails::table
        .filter(mails::failed_at.lt(before))
        .order(mails::failed_at)
        .limit(limit)
        .select(mails::id)
        .load(connection)?;
    let old = mails::table.filter(mails::id.eq_any([sent, failed].concat()));
    Ok(diesel::delete(old).execute(connection)?)
}

/// Deletes the mails of a deleted user. Notices that wait are still sent: another person may have deleted the account.
pub fn delete_of_user(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    let is_notice_that_waits = is_waiting().and(mails::proof_id.is_null());
    let of_user = mails::table.filter(mails::user_id.eq(user.to_string()));
    diesel::delete(of_user.filter(diesel::dsl::not(is_notice_that_waits))).execute(connection)?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = mails)]
struct NewRow<'a> {
    id: String,
    kind: &'static str,
    recipient: &'a str,
    user_id: Option<String>,
    proof_id: Option<String>,
    requester: &'a str,
    locale: &'a str,
    data: String,
    created_at: NaiveDateTime,
    due_at: NaiveDateTime,
    expires_at: NaiveDateTime,
}

#[derive(Default, AsChangeset)]
#[diesel(table_name = mails)]
struct Change {
    #[diesel(treat_none_as_null = true)]
    lease: Option<String>,
    #[diesel(treat_none_as_null = true)]
    leased_until: Option<NaiveDateTime>,
    sent_at: Option<NaiveDateTime>,
    failed_at: Option<NaiveDateTime>,
    due_at: Option<NaiveDateTime>,
    outcome: Option<String>,
    attempts: Option<i32>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct Row {
    id: String,
    kind: String,
    recipient: String,
    user_id: Option<String>,
    proof_id: Option<String>,
    locale: String,
    data: String,
    created_at: NaiveDateTime,
    due_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    attempts: i32,
    lease: Option<String>,
}

impl Row {
    fn read(self, leased_until: DateTime<Utc>) -> Result<StoredMail, ImpossibleValue> {
        let impossible = |column| ImpossibleValue { column };
        Ok(StoredMail {
            id: self.id.parse().map_err(|_| impossible("mails.id"))?,
            kind: self.kind.parse()?,
            recipient: Email::from_stored(self.recipient),
            user: self.user_id.map(|id| id.parse()).transpose().map_err(|_| impossible("mails.user_id"))?,
            proof: self
                .proof_id
                .map(|id| id.parse())
                .transpose()
                .map_err(|_| impossible("mails.proof_id"))?,
            locale: Locale::from_stored(self.locale),
            data: serde_json::from_str(&self.data).map_err(|_| impossible("mails.data"))?,
            created_at: self.created_at.and_utc(),
            expires_at: self.expires_at.and_utc(),
            attempts: self.attempts,
            lease: self.lease.unwrap_or_default(),
            leased_until,
        })
    }
}
