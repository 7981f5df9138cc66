//! The id of the current request, for its response header and its log lines.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

/// 96 bits: ids do not repeat within the lifetime of a log.
const RANDOM_BYTES: usize = 12;
const MAX_LENGTH: usize = 64;
/// How many ids the random generator prepares in one call. A call costs much more than the bytes.
const PREPARED: usize = 64;

thread_local! {
    static RANDOM: RefCell<Vec<[u8; RANDOM_BYTES]>> = const { RefCell::new(Vec::new()) };
}

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 1 to 64 characters of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A random id of 16 characters.
    #[must_use]
    pub fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random_bytes()).into())
    }

    /// An id that a proxy chose. `None` if it is too long or contains other characters, because it goes into headers
    /// and logs.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        fits.then(|| Self(text.into()))
    }

    /// The value of `X-Request-Id`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn random_bytes() -> [u8; RANDOM_BYTES] {
    RANDOM.with_borrow_mut(|prepared| {
        if prepared.is_empty() {
            prepared.resize(PREPARED, [0; RANDOM_BYTES]);
            // If the random generator fails, ids repeat. That affects only the logs, so it is not an error.
            let _ = aws_lc_rs::rand::fill(prepared.as_flattened_mut());
        }
        prepared.pop().unwrap_or_default()
    })
}

/// The id of the request that this task handles, or that this thread works for.
#[must_use]
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(RequestId::clone).ok()
}

/// Runs a future with `id` as the current request id.
pub async fn handling<F: Future>(id: RequestId, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// Runs a function with `id` as the current request id, on a thread that works for many requests. Take the id from
/// [`current`] before the work changes threads.
pub fn on_behalf_of<T>(id: Option<RequestId>, work: impl FnOnce() -> T) -> T {
    match id {
        Some(id) => CURRENT.sync_scope(id, work),
        None => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::{RequestId, current, handling, on_behalf_of};

    #[test]
    fn a_foreign_id_is_accepted_only_if_it_is_safe_in_headers_and_logs() {
        for valid in ["a", "0.1_2-Z", "4bf92f3577b34da6a3ce929d0e0e4736", &"x".repeat(64)] {
            assert_eq!(RequestId::parse(valid).map(|id| id.to_string()).as_deref(), Some(valid));
        }
        for invalid in ["", "a b", "a\n", "[a]", "ä", "a/b", "a\"", &"x".repeat(65)] {
            assert_eq!(RequestId::parse(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn random_ids_are_short_and_differ() {
        let (one, other) = (RequestId::random(), RequestId::random());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 16);
        assert_eq!(RequestId::parse(one.as_str()), Some(one));
    }

    #[actix_web::test]
    async fn the_current_id_is_set_only_while_the_request_is_handled() {
        let id = RequestId::random();
        assert_eq!(current(), None);
        let seen = handling(id.clone(), async {
            tokio::task::yield_now().await;
            let here = current();
            let there = std::thread::spawn(|| on_behalf_of(here, current)).join().unwrap();
            (current(), there, std::thread::spawn(current).join().unwrap())
        });
        assert_eq!(seen.await, (Some(id.clone()), Some(id), None));
        assert_eq!(current(), None);
        assert_eq!(on_behalf_of(None, current), None);
    }
}
