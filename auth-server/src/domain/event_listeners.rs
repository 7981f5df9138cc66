//! Limits how many requests wait for events.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::UserId;

/// At one server.
const MAX_LISTENERS: usize = 50;
/// Lower, so that one administrator cannot use up the limit of the server.
const MAX_PER_USER: usize = 5;

/// The requests that wait for events at this server.
#[derive(Default)]
pub struct EventListeners(Mutex<HashMap<UserId, usize>>);

/// Counts as a waiting request until it is dropped.
pub struct Listener<'a> {
    listeners: &'a EventListeners,
    user: UserId,
}

#[derive(Debug, thiserror::Error)]
pub enum TooManyListeners {
    #[error("{MAX_PER_USER} requests of the user wait for events already")]
    OfUser,
    #[error("{MAX_LISTENERS} requests wait for events already")]
    AtServer,
}

impl EventListeners {
    pub fn add(&self, user: UserId) -> Result<Listener<'_>, TooManyListeners> {
        let mut counts = self.lock();
        if counts.get(&user).is_some_and(|count| *count >= MAX_PER_USER) {
            return Err(TooManyListeners::OfUser);
        }
        if counts.values().sum::<usize>() >= MAX_LISTENERS {
            return Err(TooManyListeners::AtServer);
        }
        *counts.entry(user).or_default() += 1;
        Ok(Listener { listeners: self, user })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let mut counts = self.listeners.lock();
        if let Some(count) = counts.get_mut(&self.user) {
            *count -= 1;
        }
        counts.retain(|_, count| *count > 0);
    }
}
