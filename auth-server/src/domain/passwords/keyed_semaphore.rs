use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A semaphore for each key: limits concurrent work for the same key.
#[derive(Clone)]
pub struct KeyedSemaphore {
    permits_per_key: usize,
    entries: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// Released when dropped.
pub struct KeyedPermit {
    semaphores: KeyedSemaphore,
    key: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl KeyedSemaphore {
    pub fn new(permits_per_key: usize) -> Self {
        Self { permits_per_key, entries: Arc::default() }
    }

    /// Waits for a permit. Waiters are served in order.
    pub async fn acquire(&self, key: String) -> KeyedPermit {
        let semaphore = self
            .lock()
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.permits_per_key)))
            .clone();
        let mut keyed = KeyedPermit { semaphores: self.clone(), key, permit: None };
        // Only a closed semaphore returns an error, and these are never closed.
        keyed.permit = semaphore.acquire_owned().await.ok();
        keyed
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for KeyedPermit {
    fn drop(&mut self) {
        let mut entries = self.semaphores.lock();
        self.permit = None;
        // Other permits and waiters hold a reference too.
        if entries.get(&self.key).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            entries.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use crate::domain::passwords::keyed_semaphore::KeyedSemaphore;

    #[actix_web::test]
    async fn permits_are_limited_per_key_and_unused_keys_are_removed() {
        let semaphore = KeyedSemaphore::new(2);
        let acquire = |key: &str| timeout(Duration::from_millis(20), semaphore.acquire(key.to_owned()));
        let (first, second) = (acquire("ann").await.unwrap(), acquire("ann").await.unwrap());
        assert!(acquire("ann").await.is_err(), "a third permit");
        acquire("bob").await.unwrap();
        drop(first);
        let third = acquire("ann").await.unwrap();
        assert_eq!(semaphore.lock().len(), 1);
        drop((second, third));
        assert_eq!(semaphore.lock().len(), 0);
    }
}
