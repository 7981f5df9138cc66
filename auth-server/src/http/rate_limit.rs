use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use shared_claims::{Code, Problem};

use crate::model::ClientSubnet;

/// How many attempts pass between two times that addresses long quiet are forgotten.
const FORGET_EVERY: u32 = 1000;

/// Limits attempts to log in or register, per address.
pub struct Attempts {
    limiter: DefaultKeyedRateLimiter<ClientSubnet>,
    clock: DefaultClock,
    counted: AtomicU32,
}

impl Attempts {
    /// Actor the setting `LOGIN_RATE_PER_IP`.
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(per_minute)),
            clock: DefaultClock::default(),
            counted: AtomicU32::new(0),
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// `too_many_requests`, with the seconds to wait.
    pub fn count(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let Some(address) = address else { return Ok(()) };
        if self.counted.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&ClientSubnet::from(address)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Problem::new(Code::TooManyRequests)
                .detail("Too many attempts from this address.")
                .retry_after(wait.as_secs() + 1)
        })
    }
}
