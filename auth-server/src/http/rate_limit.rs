use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use shared_claims::{Code, Problem};

use crate::model::ClientSubnet;

/// Subnets without recent attempts are removed once per this many attempts.
const ATTEMPTS_PER_CLEANUP: u32 = 1000;

/// Limits attempts to register, to log in, to give a password or to choose a username, per client subnet.
pub struct LoginRateLimit {
    limiter: DefaultKeyedRateLimiter<ClientSubnet>,
    clock: DefaultClock,
    attempts: AtomicU32,
}

impl LoginRateLimit {
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(per_minute)),
            clock: DefaultClock::default(),
            attempts: AtomicU32::new(0),
        }
    }

    /// Counts an attempt. Returns `too_many_requests`, with the seconds to wait, above the limit.
    pub fn check(&self, ip: Option<IpAddr>) -> Result<(), Problem> {
        let Some(ip) = ip else { return Ok(()) };
        if self.attempts.fetch_add(1, Ordering::Relaxed) % ATTEMPTS_PER_CLEANUP == ATTEMPTS_PER_CLEANUP - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&ClientSubnet::from(ip)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Problem::new(Code::TooManyRequests)
                .detail("Too many attempts from this address.")
                .retry_after(wait.as_secs() + 1)
        })
    }
}
