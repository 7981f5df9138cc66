use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets a few at a time do something with the same thing, while the others wait.
#[derive(Clone)]
pub struct Turns {
    at_once: usize,
    things: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// A turn, until it is dropped.
pub struct Turn {
    turns: Turns,
    thing: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// So many at once.
    pub fn new(at_once: usize) -> Self {
        Self { at_once, things: Arc::default() }
    }

    /// Waits for a turn. Who asked first comes first.
    pub async fn wait(&self, thing: String) -> Turn {
        let semaphore = self
            .lock()
            .entry(thing.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.at_once)))
            .clone();
        let mut turn = Turn { turns: self.clone(), thing, permit: None };
        // Semaphores of ours are never closed.
        turn.permit = semaphore.acquire_owned().await.ok();
        turn
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut things = self.turns.lock();
        self.permit = None;
        // Whoever waits or works holds another.
        if things.get(&self.thing).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            things.remove(&self.thing);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use crate::domain::passwords::keyed_semaphore::Turns;

    #[actix_web::test]
    async fn a_few_go_at_once_and_nothing_is_left_behind() {
        let turns = Turns::new(2);
        let wait = |thing: &str| timeout(Duration::from_millis(20), turns.wait(thing.to_owned()));
        let (first, second) = (wait("ann").await.unwrap(), wait("ann").await.unwrap());
        assert!(wait("ann").await.is_err(), "a third at once");
        wait("bob").await.unwrap();
        drop(first);
        let third = wait("ann").await.unwrap();
        assert_eq!(turns.lock().len(), 1);
        drop((second, third));
        assert_eq!(turns.lock().len(), 0);
    }
}
