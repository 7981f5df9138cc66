//! Problems of requests that wait for events.

use shared_claims::{Code, Problem};

use crate::domain::event_listeners::TooManyListeners;
use crate::domain::events::ListenError;
use crate::http::errors::{current_session_ended, role_required};

/// Seconds.
const RETRY_AFTER: u64 = 5;

impl From<ListenError> for Problem {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::SessionEnded(reason) => current_session_ended(reason),
            ListenError::NotAdministrator => role_required(),
            ListenError::TooMany(TooManyListeners::OfUser) => Problem::new(Code::TooManyRequests)
                .detail("Too many requests of this user wait for events already.")
                .retry_after(RETRY_AFTER),
            ListenError::TooMany(TooManyListeners::AtServer) => Problem::new(Code::Unavailable)
                .detail("Too many requests wait for events already.")
                .retry_after(RETRY_AFTER),
            ListenError::Store(error) => error.into(),
        }
    }
}
