//! The name of the request that is being handled: it stands in the answer and in every log line that the request causes.

use std::fmt;
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

/// 96 bits: nobody meets the same id twice while somebody still has the logs.
const RANDOM_BYTES: usize = 12;
const MAX_LENGTH: usize = 64;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 1 to 64 of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new one, of 16 characters.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; RANDOM_BYTES];
        // Without randomness nothing else here works either; an id that is not unique is the least of it.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// One that somebody else has made, if it fits: it goes into headers and log lines.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        fits.then(|| Self(text.into()))
    }

    /// As it stands in `X-Request-Id`.
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

/// The request that this task, or this thread on its behalf, is handling.
#[must_use]
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(RequestId::clone).ok()
}

/// Whatever the future does, it does for this request.
pub async fn handling<F: Future>(id: RequestId, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// Whatever the function does, on a thread that takes work from many requests, it does for this one; ask [`current`]
/// for it before the work changes threads.
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
    fn an_id_of_others_is_taken_only_if_it_can_stand_anywhere() {
        for right in ["a", "0.1_2-Z", "4bf92f3577b34da6a3ce929d0e0e4736", &"x".repeat(64)] {
            assert_eq!(RequestId::parse(right).map(|id| id.to_string()).as_deref(), Some(right));
        }
        for wrong in ["", "a b", "a\n", "[a]", "ä", "a/b", "a\"", &"x".repeat(65)] {
            assert_eq!(RequestId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ids_are_short_and_never_the_same() {
        let (one, other) = (RequestId::random(), RequestId::random());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 16);
        assert_eq!(RequestId::parse(one.as_str()), Some(one));
    }

    #[actix_web::test]
    async fn it_is_known_while_the_request_is_handled_and_not_beyond() {
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
