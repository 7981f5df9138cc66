use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use shared_claims::{Code, Problem};

use crate::domain::context::Context;
use crate::domain::passwords::{KeyedPermit, KeyedSemaphore};
use crate::domain::rate_limiter::KeyedRateLimiter;
use crate::domain::sessions::{self, Identifier};
use crate::model::{ClientInfo, ClientNetwork, ClientSubnet, UserId};

/// How many times as many attempts as one subnet a whole network may make. These are not refunded, so that the owner of many
/// accounts cannot occupy the hashing pool with successful logins.
const TIMES_PER_NETWORK: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// A form judges a password several times while the user types it.
const JUDGEMENTS_PER_ATTEMPT: NonZeroU32 = NonZeroU32::new(2).unwrap();
/// Judgements use the threads of registrations, so a burst is only this fraction of the limit per minute.
const BURSTS_PER_MINUTE: u32 = 3;

/// Limits attempts to register, to log in, to give a password or to choose a username.
pub struct LoginRateLimit {
    mails: KeyedRateLimiter<ClientSubnet>,
    attempts: KeyedRateLimiter<Source>,
    totals: KeyedRateLimiter<Total>,
    judgements: KeyedRateLimiter<ClientSubnet>,
    judgements_in_network: KeyedRateLimiter<ClientNetwork>,
    /// One judgement at a time for each subnet.
    judging: KeyedSemaphore,
    lookups: KeyedSemaphore,
}

/// An attempt that was counted.
#[must_use = "an attempt that succeeds is refunded"]
pub struct CountedAttempt {
    source: Option<Source>,
    total: Option<Total>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Source {
    Subnet(ClientSubnet),
    /// A user, from their known devices together. They do not depend on what others in the same subnet do, and one user with
    /// many devices cannot use up the total of the network.
    User(UserId),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Total {
    network: ClientNetwork,
    /// From a known device or with a session: others in the network must not use up the attempts of such users.
    is_known: bool,
}

impl LoginRateLimit {
    pub fn new(per_minute: NonZeroU32, mails_per_hour: NonZeroU32) -> Self {
        let total = per_minute.saturating_mul(TIMES_PER_NETWORK);
        let judgements = per_minute.saturating_mul(JUDGEMENTS_PER_ATTEMPT);
        let burst = NonZeroU32::new(judgements.get() / BURSTS_PER_MINUTE).unwrap_or(NonZeroU32::MIN);
        Self {
            judgements: KeyedRateLimiter::new(judgements, burst),
            judgements_in_network: KeyedRateLimiter::new(
                judgements.saturating_mul(TIMES_PER_NETWORK),
                burst.saturating_mul(TIMES_PER_NETWORK),
            ),
            judging: KeyedSemaphore::new(1),
            mails: KeyedRateLimiter::per_hour(mails_per_hour),
            attempts: KeyedRateLimiter::new(per_minute, per_minute),
            totals: KeyedRateLimiter::new(total, total),
            lookups: KeyedSemaphore::new(1),
        }
    }

    /// Counts an attempt by the address of the client. Call it once the request is known to be well-formed.
    pub fn count(&self, ip: Option<IpAddr>) -> Result<CountedAttempt, Problem> {
        let source = ip.map(|ip| Source::Subnet(ip.into()));
        self.count_source(source, ip, false)
    }

    /// Counts a request that causes a mail. It is an attempt too, and is not refunded.
    pub fn count_mail(&self, ip: Option<IpAddr>) -> Result<(), Problem> {
        let _ = self.count(ip)?;
        self.count_mail_of_attempt(ip)
    }

    /// The same for an attempt that is counted already.
    pub fn count_mail_of_attempt(&self, ip: Option<IpAddr>) -> Result<(), Problem> {
        ip.map_or(Ok(()), |ip| self.mails.count(&ip.into())).map_err(too_many_attempts)
    }

    /// Counts a password that is judged, which is not an attempt, and waits until no other is judged for this subnet.
    pub async fn count_judgement(&self, ip: Option<IpAddr>) -> Result<KeyedPermit, Problem> {
        if let Some(ip) = ip {
            self.judgements.count(&ip.into()).map_err(too_many_attempts)?;
            self.judgements_in_network.count(&ip.into()).map_err(too_many_attempts)?;
        }
        Ok(self.judging.acquire(format!("{:?}", ip.map(ClientSubnet::from))).await)
    }

    /// Counts an attempt to log in: by the address or, if that has no attempt left, by the user if the device is known for
    /// this login name.
    pub async fn count_login(
        &self,
        context: &Context,
        identifier: &Identifier,
        client: &ClientInfo,
    ) -> Result<CountedAttempt, Problem> {
        let rejected = match self.count(client.ip) {
            Ok(counted) => return Ok(counted),
            Err(rejected) => rejected,
        };
        // One at a time for each network: a flood with invented device cookies must leave the connections to other requests.
        let network = client.ip.map(ClientNetwork::from);
        let _turn = self.lookups.acquire(format!("{network:?}")).await;
        match sessions::find_user_of_device(context, identifier, client).await? {
            Some(user) => self.count_source(Some(Source::User(user)), client.ip, true),
            None => Err(rejected),
        }
    }

    /// Counts an attempt in a session. The limit for each user is separate.
    pub fn count_in_session(&self, ip: Option<IpAddr>) -> Result<(), Problem> {
        self.count_source(None, ip, true).map(drop)
    }

    /// For an attempt that succeeded. It stays in the total of its network.
    pub fn refund(&self, attempt: CountedAttempt) {
        if let Some(source) = attempt.source {
            self.attempts.refund(&source);
        }
    }

    /// For an attempt that did not reach the password. It costs nothing, so others in the network must not miss it.
    pub fn cancel(&self, attempt: CountedAttempt) {
        if let Some(total) = &attempt.total {
            self.totals.refund(total);
        }
        self.refund(attempt);
    }

    fn count_source(
        &self,
        source: Option<Source>,
        ip: Option<IpAddr>,
        is_known: bool,
    ) -> Result<CountedAttempt, Problem> {
        if let Some(source) = &source {
            self.attempts.count(source).map_err(too_many_attempts)?;
        }
        let total = ip.map(|ip| Total { network: ip.into(), is_known });
        match total.as_ref().map_or(Ok(()), |total| self.totals.count(total)) {
            Ok(()) => Ok(CountedAttempt { source, total }),
            Err(wait) => {
                self.refund(CountedAttempt { source, total: None });
                Err(too_many_attempts(wait))
            }
        }
    }
}

fn too_many_attempts(wait: Duration) -> Problem {
    Problem::new(Code::TooManyRequests)
        .detail("Too many attempts from this address.")
        .retry_after(wait.as_secs())
}
