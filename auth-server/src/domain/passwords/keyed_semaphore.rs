use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets a few at a time do something with the same key, while the others wait.
#[derive(Clone)]
pub struct KeyedSemaphore {
    permits_per_key: usize,
    entries: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// A turn, until it is dropped.
pub struct KeyedPermit {
    semaphores: KeyedSemaphore,
    key: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl KeyedSemaphore {
    /// So many at once.
    pub fn new(permits_per_key: usize) -> Self {
        Self { permits_per_key, entries: Arc::default() }
    }

    /// Waits for a turn. Who asked first comes first.
    pub async fn acquire(&self, key: String) -> KeyedPermit {
        let semaphore = self
            .lock()
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.permits_per_key)))
            .clone();
        let mut keyed = KeyedPermit { semaphores: self.clone(), key, permit: None };
        // Semaphores of ours are never closed.
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
        // Whoever waits or works holds another.
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
    async fn a_few_go_at_once_and_nothing_is_left_behind() {
        let semaphore = KeyedSemaphore::new(2);
        let acquire = |key: &str| timeout(Duration::from_millis(20), semaphore.acquire(key.to_owned()));
        let (first, second) = (acquire("ann").await.unwrap(), acquire("ann").await.unwrap());
        assert!(acquire("ann").await.is_err(), "a third at once");
        acquire("bob").await.unwrap();
        drop(first);
        let third = acquire("ann").await.unwrap();
        assert_eq!(semaphore.lock().len(), 1);
        drop((second, third));
        assert_eq!(semaphore.lock().len(), 0);
    }
}
