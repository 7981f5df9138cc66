use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use shared_claims::request_id::{self, RequestId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::hashing_memory::HashingMemory;

/// How many passwords may wait for a thread. At some 30 ms each the last of them waits for a second on two cores;
/// whoever comes after that is told to come back, while refreshes, which need no hash, go on.
const WAITING: usize = 64;

struct Job {
    request: Option<RequestId>,
    work: Box<dyn FnOnce(&mut HashingMemory) + Send>,
}

/// Threads for argon2 and zxcvbn: as many as there are cores, so that memory and processor time stay bounded
/// however many people log in at once.
#[derive(Clone)]
pub struct HashingPool {
    jobs: mpsc::Sender<Job>,
    places: Arc<Semaphore>,
}

/// The right to have one password hashed, sooner or later. Given back when dropped.
pub struct Place {
    jobs: mpsc::Sender<Job>,
    permit: OwnedSemaphorePermit,
}

/// All places are taken.
#[derive(Debug, thiserror::Error)]
#[error("too many passwords are waiting to be hashed")]
pub struct Busy;

impl HashingPool {
    /// Starts the threads. They end when the pool is dropped.
    pub fn start(threads: usize) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name("hashing".to_owned())
                .spawn(move || work(&queue))
                .expect("the system has threads");
        }
        Self { jobs, places: Arc::new(Semaphore::new(threads + WAITING)) }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`Busy`], at once, where too many are waiting.
    pub fn place(&self) -> Result<Place, Busy> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        Ok(Place { jobs: self.jobs.clone(), permit })
    }
}

impl Place {
    /// Runs `work` on one of the threads.
    ///
    /// # Errors
    /// [`Busy`] where the threads are gone, at the server's end.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut HashingMemory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let Self { jobs, permit } = self;
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move |memory: &mut HashingMemory| {
            // Nobody is waiting any more: the client hung up while it queued.
            if !answer.is_closed() {
                let _ = answer.send(work(memory));
            }
            drop(permit);
        });
        jobs.send(Job { request: request_id::current(), work }).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    yield_to_others();
    let mut memory = HashingMemory::default();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(Job { request, work }) => request_id::on_behalf_of(request, || {
                // A library that panics on somebody's input must not cost us the thread.
                if catch_unwind(AssertUnwindSafe(|| work(&mut memory))).is_err() {
                    log::error!("a password could not be judged or hashed: the library panicked");
                }
            }),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// Whoever refreshes comes before whoever logs in: while all cores hash, refreshes take less than half as long for it.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    /// A tenth of the processor time of a thread of ordinary rank, where both want all of it.
    const NICE: i32 = 10;
    // On Linux "this process" is this thread. One that may not step back hashes as before.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        log::debug!("hashing is as important as all else: {error}");
    }
}

/// Elsewhere it would be the whole process that steps back.
#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

#[cfg(test)]
mod tests {
    use shared_claims::request_id::{self, RequestId};

    use super::HashingPool;

    #[tokio::test]
    async fn the_request_is_known_on_the_other_thread_too() {
        let pool = HashingPool::start(1);
        let seen = || async { pool.place().unwrap().run(|_| request_id::current()).await.unwrap() };
        let id = RequestId::random();
        assert_eq!(request_id::handling(id.clone(), seen()).await, Some(id));
        assert_eq!(seen().await, None);
    }
}
