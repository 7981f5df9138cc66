use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::passwords::KeyedPermit;
use crate::model::{ClientInfo, ClientSubnet, Email, Locale, Proof, Purpose, UserId, random_text, sha256};
use crate::store::mails::{NewMail, RequestedMail};
use crate::store::{StoreError, mails, proofs};

const CONTINUATION_BYTES: usize = 32;
/// Between two mails to one address that the same requester causes.
const REQUESTER_PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Mails to one address that all requesters together can cause: how many within which time.
const LIMITS: [(usize, TimeDelta); 2] = [(5, TimeDelta::hours(1)), (10, TimeDelta::hours(24))];
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// A mail with a link that a client requests, for an address that may have no user.
#[derive(Clone)]
pub struct Requested {
    pub purpose: Purpose,
    pub email: Email,
    /// With their version.
    pub user: Option<(UserId, u64)>,
    /// What the effect requires.
    pub data: Map<String, Value>,
    pub locale: Locale,
}

/// What the requesting client gets, whether or not a mail is sent.
pub struct Continuation {
    pub value: SecretString,
    /// Seconds.
    pub expires_in: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    TooMany(#[from] TooManyMails),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many mails to this address, retry in {} s", wait.as_secs())]
pub struct TooManyMails {
    /// Whole seconds, at least one.
    pub wait: Duration,
}

/// A request that is not in the database yet. Keep it until the transaction is committed: it holds the turn of the address.
#[derive(Clone)]
pub struct PreparedRequest {
    requested: Requested,
    continuation_hash: Option<[u8; 32]>,
    key_id: String,
    /// The requester, for the limits.
    from: String,
    is_full: bool,
    /// One at a time for each address: concurrent requests must not all find that none was made.
    _turn: Arc<KeyedPermit>,
}

/// Stores the proof and its mail, unless this address got too many mails. While too many mails wait, the response is the same
/// and the mail is dropped. `before` runs first in the same transaction.
pub async fn request(
    context: &Context,
    requested: Requested,
    client: &ClientInfo,
    before: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Clone + Send + 'static,
) -> Result<Continuation, RequestError> {
    let purpose = requested.purpose;
    let value = random_text::<CONTINUATION_BYTES>();
    let hash = sha256(value.expose_secret().as_bytes());
    let prepared = prepare(context, requested, Some(hash), client).await;
    let insert = move |tx: &mut Transaction<'_>| {
        before(tx)?;
        prepared.insert(tx)?;
        // The turn in `prepared` must be held until the commit.
        Ok::<_, RequestError>(prepared)
    };
    let outcome = context.operation(client).transaction(insert).await;
    let label = match &outcome {
        Ok(_) => "requested",
        Err(RequestError::TooMany(_)) => "throttled",
        Err(RequestError::Store(_)) => "unavailable",
    };
    context.metrics.count_proof(purpose, label);
    outcome.map(|_| Continuation { value, expires_in: purpose.lifetime().num_seconds() })
}

/// Prepares a request for the caller's transaction. Without a continuation, the mail has a link and no code.
pub async fn prepare(
    context: &Context,
    requested: Requested,
    continuation_hash: Option<[u8; 32]>,
    client: &ClientInfo,
) -> PreparedRequest {
    let turn = context.mail_requests.acquire(requested.email.as_str().to_owned()).await;
    PreparedRequest {
        requested,
        continuation_hash,
        key_id: context.proof_tokens.key_id().to_owned(),
        from: network(client),
        is_full: context.mailer.as_ref().is_none_or(|mailer| mailer.queue.is_full()),
        _turn: Arc::new(turn),
    }
}

impl PreparedRequest {
    /// Fails if this address got too many mails. Then nothing is written.
    pub fn insert(&self, tx: &mut Transaction<'_>) -> Result<(), RequestError> {
        self.check_limits(tx)?;
        let proof = insert_proof(tx, &self.key_id, self.requested.clone(), self.continuation_hash)?;
        Ok(self.enqueue(tx, &proof)?)
    }

    /// The same for a client that can repeat its request with the same continuation. It gets the same mail again. While the limits
    /// forbid that, the first one is on its way.
    pub fn insert_or_repeat(&self, tx: &mut Transaction<'_>) -> Result<(), RequestError> {
        let earlier = self.continuation_hash.map(|hash| proofs::by_continuation(tx.connection, &hash));
        match earlier.transpose()?.flatten() {
            None => self.insert(tx),
            Some(proof) => match self.check_limits(tx) {
                Ok(()) => Ok(self.enqueue(tx, &proof)?),
                Err(RequestError::TooMany(_)) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }

    fn check_limits(&self, tx: &mut Transaction<'_>) -> Result<(), RequestError> {
        let earlier = mails::requested_since(tx.connection, &self.requested.email, tx.now - LONGEST)?;
        Ok(check_limits(&earlier, &self.from, tx.now)?)
    }

    fn enqueue(&self, tx: &mut Transaction<'_>, proof: &Proof) -> Result<(), StoreError> {
        if self.is_full {
            return Ok(());
        }
        enqueue(tx, proof, self.requested.locale.clone(), &self.from)
    }
}

/// Inserts a proof and its mail, which no limit applies to. Returns the proof.
pub fn issue(tx: &mut Transaction<'_>, key_id: &str, requested: Requested) -> Result<Proof, StoreError> {
    let locale = requested.locale.clone();
    let proof = insert_proof(tx, key_id, requested, None)?;
    enqueue(tx, &proof, locale, "")?;
    Ok(proof)
}

fn insert_proof(
    tx: &mut Transaction<'_>,
    key_id: &str,
    Requested { purpose, email, user, data, locale: _ }: Requested,
    continuation_hash: Option<[u8; 32]>,
) -> Result<Proof, StoreError> {
    let proof = Proof { user, continuation_hash, data, ..Proof::new(purpose, email, key_id, tx.now) };
    proofs::insert(tx.connection, &proof)?;
    Ok(proof)
}

/// Sends the mail of an open proof again, with the same link.
pub fn send_again(tx: &mut Transaction<'_>, proof: &Proof, locale: Locale) -> Result<(), StoreError> {
    enqueue(tx, proof, locale, "")
}

fn enqueue(tx: &mut Transaction<'_>, proof: &Proof, locale: Locale, from: &str) -> Result<(), StoreError> {
    // A requested mail counts even if its user is deleted: otherwise an account that is registered and deleted again and again
    // floods a mailbox.
    let user = proof.user.filter(|_| from.is_empty());
    let mail = NewMail {
        kind: proof.purpose.mail(),
        recipient: proof.email.clone(),
        user: user.map(|(user, _)| user),
        proof: Some(proof.id),
        requester: from.to_owned(),
        locale,
        data: Map::new(),
        expires_at: proof.expires_at,
    };
    mails::enqueue(tx.connection, &mail, tx.now)?;
    Ok(())
}

/// The requester, for the limits.
fn network(client: &ClientInfo) -> String {
    client.ip.map_or_else(|| "unknown".to_owned(), |ip| ClientSubnet::from(ip).to_string())
}

/// `earlier`: newest first.
fn check_limits(earlier: &[RequestedMail], requester: &str, now: DateTime<Utc>) -> Result<(), TooManyMails> {
    let own = earlier.iter().find(|mail| mail.requester == requester);
    let mut until = own.map(|mail| mail.at + REQUESTER_PAUSE);
    for (count, period) in LIMITS {
        let first_that_counts = earlier.get(count - 1);
        until = until.max(first_that_counts.map(|mail| mail.at + period));
    }
    match until.filter(|until| now < *until) {
        Some(until) => Err(TooManyMails::until(until, now)),
        None => Ok(()),
    }
}

impl TooManyMails {
    fn until(until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let seconds = (until - now + TimeDelta::milliseconds(999)).num_seconds().max(1);
        Self { wait: Duration::from_secs(seconds.unsigned_abs()) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use crate::domain::proofs::request::{RequestedMail, check_limits};

    /// Seconds to wait after mails to these requesters, each this long ago.
    fn wait(earlier: &[(&str, TimeDelta)]) -> u64 {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(2);
        let mail = |(requester, ago): &(&str, TimeDelta)| RequestedMail {
            requester: (*requester).to_owned(),
            at: now - *ago,
        };
        let earlier: Vec<RequestedMail> = earlier.iter().map(mail).collect();
        check_limits(&earlier, "me", now).err().map_or(0, |error| error.wait.as_secs())
    }

    #[test]
    fn an_address_gets_a_limited_number_of_mails() {
        let minutes = TimeDelta::minutes;
        assert_eq!(wait(&[]), 0);
        assert_eq!(wait(&[("me", TimeDelta::seconds(1))]), 59);
        assert_eq!(wait(&[("other", TimeDelta::seconds(1)), ("me", minutes(1))]), 0);
        let others = |count: i64, every: i64| -> Vec<(&str, TimeDelta)> {
            (1..=count).map(|number| ("other", minutes(every * number))).collect()
        };
        assert_eq!(wait(&others(4, 1)), 0);
        assert_eq!(wait(&others(5, 1)), 55 * 60);
        assert_eq!(wait(&others(9, 20)), 0);
        assert_eq!(wait(&others(10, 20)), (24 * 60 - 200) * 60);
        assert_eq!(wait(&others(10, 144)), 0);
    }
}
