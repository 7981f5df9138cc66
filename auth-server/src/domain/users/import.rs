//! Imports users from another system, as JSON lines. Each batch is one transaction.

mod imported_user;
mod known;
mod lines;

use std::io::{self, BufRead};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::keys::KeyEncryption;
use crate::domain::operation::Operation;
pub use crate::domain::users::import::imported_user::BadLine;
use crate::domain::users::import::imported_user::ImportedUser;
use crate::domain::users::import::known::{Known, Verdict};
use crate::domain::users::import::lines::Lines;
use crate::model::{Event, EventType, User, UserId};
use crate::store::totp_factors::TotpFactor;
use crate::store::{AnyConnection, StoreError, events, totp_factors, users};

/// Lines in one transaction. Large enough that commits cost little, and small enough that concurrent logins hardly wait and
/// statements stay below SQLite's limit of 32,766 parameters.
const BATCH: usize = 1000;
/// How often a batch is tried when concurrent registrations take names in it.
const ATTEMPTS: u32 = 5;

#[derive(Clone, Copy)]
pub struct Options<'a> {
    pub ignore_unknown: bool,
    /// Hashes that begin with a dollar sign are of an HMAC of the password.
    pub flask_security: bool,
    /// Of the secrets of authenticator apps. Without it, lines with one are rejected.
    pub totp_encryption: Option<&'a KeyEncryption>,
}

/// How many lines were imported, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub imported: u64,
    /// Users with the same e-mail address and, if the line has one, the same id. Usually from an earlier run.
    pub already_there: u64,
    pub rejected: u64,
}

/// Reported during an import.
pub enum Update<'a> {
    /// A line is rejected.
    BadLine {
        /// The first line is 1.
        line: u64,
        /// Worded for the operator. Never contains the hash.
        reason: &'a BadLine,
    },
    /// All lines up to this byte are done.
    BytesDone(u64),
}

/// Why an import stopped early. Committed batches stay; a second run continues after them.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Users with the numbers of their lines.
type Batch = Arc<Vec<(u64, ImportedUser)>>;
type BadLines = Vec<(u64, BadLine)>;

/// Reads all lines and reports what an import would do. Writes nothing.
pub async fn dry_run<R: BufRead>(
    operation: &Operation<'_>,
    source: R,
    options: Options<'_>,
    mut report: impl FnMut(Update<'_>),
) -> Result<Outcome, ImportError> {
    let mut known = Known::default();
    let mut lines = Lines::new(source);
    let mut total = Outcome::default();
    while let Some((batch, bad)) = next_batch(&mut lines, options, operation.now)? {
        let reading = Arc::clone(&batch);
        let taken = operation.database.run(move |connection| unique_values(connection, &reading)).await?;
        known.add_all(&taken);
        let (outcome, taken) = judge(&batch, &mut known, |_| {});
        total.add(outcome, bad, taken, &mut report);
        report(Update::BytesDone(lines.bytes()));
    }
    Ok(total)
}

/// Imports all new users and skips bad lines.
pub async fn import<R: BufRead>(
    operation: &Operation<'_>,
    source: R,
    options: Options<'_>,
    mut report: impl FnMut(Update<'_>),
) -> Result<Outcome, ImportError> {
    let mut lines = Lines::new(source);
    let mut total = Outcome::default();
    while let Some((batch, bad)) = next_batch(&mut lines, options, operation.now)? {
        let (outcome, taken) = write(operation, &batch).await?;
        total.add(outcome, bad, taken, &mut report);
        report(Update::BytesDone(lines.bytes()));
    }
    Ok(total)
}

/// The next valid lines, and the invalid ones between them. `None` at the end.
fn next_batch<R: BufRead>(
    lines: &mut Lines<R>,
    options: Options<'_>,
    now: DateTime<Utc>,
) -> io::Result<Option<(Batch, BadLines)>> {
    let (mut batch, mut bad) = (Vec::new(), Vec::new());
    while batch.len() + bad.len() < BATCH {
        let Some(line) = lines.next()? else { break };
        let parsed = line.text.ok_or(BadLine::TooLong);
        match parsed.and_then(|text| ImportedUser::parse(text, options, now)) {
            Ok(imported) => batch.push((line.number, imported)),
            Err(reason) => bad.push((line.number, reason)),
        }
    }
    let is_end = batch.is_empty() && bad.is_empty();
    Ok((!is_end).then(|| (Arc::new(batch), bad)))
}

async fn write(operation: &Operation<'_>, batch: &Batch) -> Result<(Outcome, BadLines), StoreError> {
    // Without the audit log, which would also print a line for each user.
    let event = Event::new(EventType::Registered, operation.now, &operation.client);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (batch, event) = (Arc::clone(batch), event.clone());
        match operation.database.transaction(move |connection| insert_new(connection, &batch, &event)).await {
            Err(StoreError::Taken(_)) if attempts < ATTEMPTS => {}
            outcome => return outcome,
        }
    }
}

fn insert_new(
    connection: &mut AnyConnection,
    batch: &Batch,
    event: &Event,
) -> Result<(Outcome, BadLines), StoreError> {
    let mut known = Known::default();
    known.add_all(&unique_values(connection, batch)?);
    let (mut new, mut apps): (Vec<&User>, Vec<&TotpFactor>) = (Vec::new(), Vec::new());
    let judged = judge(batch, &mut known, |imported| {
        new.push(&imported.user);
        apps.extend(&imported.app);
    });
    users::insert_many(connection, &new)?;
    for app in apps {
        totp_factors::insert(connection, app)?;
    }
    let registered: Vec<Event> = new.iter().map(|user| event.clone().of_user(user.id)).collect();
    events::insert(connection, &registered)?;
    Ok(judged)
}

fn unique_values(
    connection: &mut AnyConnection,
    batch: &Batch,
) -> Result<Vec<users::UniqueValues>, StoreError> {
    let all = || batch.iter().map(|(_, imported)| &imported.user);
    let emails = all().map(|user| user.email.as_str()).collect();
    let usernames = all().filter_map(|user| Some(user.username.as_ref()?.as_str())).collect();
    let own_ids = batch.iter().filter(|(_, imported)| imported.has_own_id);
    let ids: Vec<UserId> = own_ids.map(|(_, imported)| imported.user.id).collect();
    users::unique_values(connection, emails, usernames, &ids)
}

/// Decides about each line, and calls `new` for each new user. Returns the lines whose names are taken.
fn judge<'a>(
    batch: &'a Batch,
    known: &mut Known,
    mut new: impl FnMut(&'a ImportedUser),
) -> (Outcome, BadLines) {
    let mut outcome = Outcome::default();
    let mut taken = Vec::new();
    for (line, imported) in batch.iter() {
        match known.judge(imported) {
            Verdict::New => {
                known.add(imported);
                new(imported);
                outcome.imported += 1;
            }
            Verdict::Exists => outcome.already_there += 1,
            Verdict::Bad(reason) => taken.push((*line, reason)),
        }
    }
    (outcome, taken)
}

impl Outcome {
    fn add(&mut self, batch: Outcome, bad: BadLines, taken: BadLines, report: &mut impl FnMut(Update<'_>)) {
        self.imported += batch.imported;
        self.already_there += batch.already_there;
        let mut all: Vec<_> = bad.into_iter().chain(taken).collect();
        all.sort_by_key(|(line, _)| *line);
        for (line, reason) in &all {
            self.rejected += 1;
            report(Update::BadLine { line: *line, reason });
        }
    }
}
