//! Brings people along from another system: JSON lines in, people out, in batches that are committed one by one.

mod known;
mod lines;
mod person;

use std::io::{self, BufRead};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::users::import::known::{Known, Verdict};
pub use crate::domain::users::import::lines::Lines;
pub use crate::domain::users::import::person::BadLine;
use crate::domain::users::import::person::Person;
use crate::model::{ClientInfo, Event, EventType, User, UserId};
use crate::store::{AnyConnection, Database, StoreError, events, users};

/// Lines in one transaction: enough that a commit costs little, and so few that whoever logs in meanwhile hardly waits, and
/// that the statements stay far below the 32,766 parameters that SQLite takes.
const BATCH: usize = 1000;
/// How often a batch is tried where somebody who registers meanwhile takes a name that is in it.
const TRIES: u32 = 5;

/// How lines are read.
#[derive(Clone, Copy)]
pub struct Options {
    /// Dumps have more columns than we take.
    pub ignore_unknown: bool,
    /// Hashes that begin with a dollar were made of the password's HMAC.
    pub flask_security: bool,
}

/// What became of the lines, or will become of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// New people.
    pub imported: u64,
    /// The same e-mail address, and the same id where one is given: from an earlier run, as a rule.
    pub already_there: u64,
    /// Bad lines.
    pub refused: u64,
}

/// What whoever watches is told.
pub enum News<'a> {
    /// A line is refused.
    Bad {
        /// The first is 1.
        line: u64,
        /// Worded for the operator; never with the hash in it.
        reason: &'a BadLine,
    },
    /// So many bytes are done with.
    Done(u64),
}

/// Why an import ended before its end. What was committed stays, and another run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The lines could not be read.
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// People, each with the number of their line.
type Batch = Arc<Vec<(u64, Person)>>;
type Bad = Vec<(u64, BadLine)>;

/// Reads all lines and writes nothing: says what an import would do.
///
/// # Errors
/// See [`ImportError`].
pub async fn judge<R: BufRead>(
    database: &Database,
    source: R,
    options: Options,
    now: DateTime<Utc>,
    mut tell: impl FnMut(News<'_>),
) -> Result<Outcome, ImportError> {
    let mut known = Known::default();
    let mut lines = Lines::new(source);
    let mut total = Outcome::default();
    while let Some((batch, bad)) = next(&mut lines, options, now)? {
        let asked = Arc::clone(&batch);
        let taken = database.run(move |connection| unique_values(connection, &asked)).await?;
        known.add_all(&taken);
        let (judged, taken) = verdicts(&batch, &mut known, |_| {});
        total.add(judged, bad, taken, &mut tell);
        tell(News::Done(lines.bytes()));
    }
    Ok(total)
}

/// Writes everybody who is new, and passes over bad lines.
///
/// # Errors
/// See [`ImportError`].
pub async fn import<R: BufRead>(
    database: &Database,
    source: R,
    options: Options,
    now: DateTime<Utc>,
    mut tell: impl FnMut(News<'_>),
) -> Result<Outcome, ImportError> {
    let mut lines = Lines::new(source);
    let mut total = Outcome::default();
    while let Some((batch, bad)) = next(&mut lines, options, now)? {
        let (written, taken) = write(database, &batch, now).await?;
        total.add(written, bad, taken, &mut tell);
        tell(News::Done(lines.bytes()));
    }
    Ok(total)
}

/// The next lines that can be read, and those among them that are bad in themselves. `None` at the end.
fn next<R: BufRead>(
    lines: &mut Lines<R>,
    options: Options,
    now: DateTime<Utc>,
) -> io::Result<Option<(Batch, Bad)>> {
    let (mut batch, mut bad) = (Vec::new(), Vec::new());
    while batch.len() + bad.len() < BATCH {
        let Some(line) = lines.next()? else { break };
        let person = line.text.ok_or(BadLine::TooLong).and_then(|text| Person::parse(text, options, now));
        match person {
            Ok(person) => batch.push((line.number, person)),
            Err(reason) => bad.push((line.number, reason)),
        }
    }
    let is_end = batch.is_empty() && bad.is_empty();
    Ok((!is_end).then(|| (Arc::new(batch), bad)))
}

async fn write(database: &Database, batch: &Batch, now: DateTime<Utc>) -> Result<(Outcome, Bad), StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let batch = Arc::clone(batch);
        match database.transaction(move |connection| write_new(connection, &batch, now)).await {
            Err(StoreError::Taken(_)) if tries < TRIES => {}
            done => return done,
        }
    }
}

fn write_new(
    connection: &mut AnyConnection,
    batch: &Batch,
    now: DateTime<Utc>,
) -> Result<(Outcome, Bad), StoreError> {
    let mut known = Known::default();
    known.add_all(&unique_values(connection, batch)?);
    let mut new: Vec<&User> = Vec::new();
    let judged = verdicts(batch, &mut known, |person| new.push(&person.user));
    users::insert_many(connection, &new)?;
    // Without the audit, which would log a line for each.
    let registered = Event::new(EventType::Registered, now, &ClientInfo::operator());
    let registered: Vec<Event> = new.iter().map(|user| registered.clone().of_user(user.id)).collect();
    events::insert(connection, &registered)?;
    Ok(judged)
}

fn unique_values(
    connection: &mut AnyConnection,
    batch: &Batch,
) -> Result<Vec<users::UniqueValues>, StoreError> {
    let people = || batch.iter().map(|(_, person)| &person.user);
    let emails = people().map(|user| user.email.as_str()).collect();
    let usernames = people().filter_map(|user| Some(user.username.as_ref()?.as_str())).collect();
    let own_ids = batch.iter().filter(|(_, person)| person.has_own_id);
    let ids: Vec<UserId> = own_ids.map(|(_, person)| person.user.id).collect();
    users::unique_values(connection, emails, usernames, &ids)
}

fn verdicts<'a>(batch: &'a Batch, known: &mut Known, mut new: impl FnMut(&'a Person)) -> (Outcome, Bad) {
    let mut outcome = Outcome::default();
    let mut taken = Vec::new();
    for (line, person) in batch.iter() {
        match known.judge(person) {
            Verdict::New => {
                known.add(person);
                new(person);
                outcome.imported += 1;
            }
            Verdict::AlreadyThere => outcome.already_there += 1,
            Verdict::Bad(reason) => taken.push((*line, reason)),
        }
    }
    (outcome, taken)
}

impl Outcome {
    fn add(&mut self, batch: Outcome, bad: Bad, taken: Bad, tell: &mut impl FnMut(News<'_>)) {
        self.imported += batch.imported;
        self.already_there += batch.already_there;
        let mut all: Vec<_> = bad.into_iter().chain(taken).collect();
        all.sort_by_key(|(line, _)| *line);
        for (line, reason) in &all {
            self.refused += 1;
            tell(News::Bad { line: *line, reason });
        }
    }
}
