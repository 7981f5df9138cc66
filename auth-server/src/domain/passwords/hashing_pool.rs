use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use server_kit::request_id::{self, RequestId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::domain::passwords::hashing_memory::HashingMemory;

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
    threads: usize,
    busy: Arc<AtomicUsize>,
    refused: Counter,
}

/// How much there is to do.
pub struct Load {
    /// Threads there are.
    pub threads: usize,
    /// Those that hash at this moment.
    pub busy: usize,
    /// Places that are taken, and whose password is not being hashed yet.
    pub waiting: usize,
}

/// The right to have one password hashed, sooner or later. Given back when dropped.
pub struct HashSlot {
    jobs: mpsc::Sender<Job>,
    permit: OwnedSemaphorePermit,
    busy: Arc<AtomicUsize>,
}

/// A thread that hashes, until this is dropped, by a panic too.
struct Hashing(Arc<AtomicUsize>);

/// All places are taken.
#[derive(Debug, thiserror::Error)]
#[error("too many passwords are waiting to be hashed")]
pub struct QueueFull;

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
        let places = Arc::new(Semaphore::new(threads + WAITING));
        Self { jobs, places, threads, busy: Arc::default(), refused: Counter::default() }
    }

    /// How much there is to do.
    pub fn load(&self) -> Load {
        let busy = self.busy.load(Ordering::Relaxed);
        let taken = (self.threads + WAITING).saturating_sub(self.places.available_permits());
        Load { threads: self.threads, busy, waiting: taken.saturating_sub(busy) }
    }

    /// Has the registry show what is counted here.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Passwords that were not taken in, since too many were waiting";
        registry.register("passwords_refused", help, self.refused.clone());
    }

    /// Takes a slot.
    ///
    /// # Errors
    /// [`QueueFull`], at once, where too many are waiting.
    pub fn reserve(&self) -> Result<HashSlot, QueueFull> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            self.refused.inc();
            QueueFull
        })?;
        Ok(HashSlot { jobs: self.jobs.clone(), permit, busy: Arc::clone(&self.busy) })
    }
}

impl HashSlot {
    /// Runs `work` on one of the threads.
    ///
    /// # Errors
    /// [`QueueFull`] where the threads are gone, at the server's end.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut HashingMemory) -> T + Send + 'static,
    ) -> Result<T, QueueFull> {
        let Self { jobs, permit, busy } = self;
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move |memory: &mut HashingMemory| {
            // Nobody is waiting any more: the client hung up while it queued.
            if answer.is_closed() {
                return;
            }
            let hashing = Hashing::begin(busy);
            let result = work(memory);
            // First, so that whoever has the answer finds room for the next one.
            drop((hashing, permit));
            let _ = answer.send(result);
        });
        jobs.send(Job { request: request_id::current(), work }).map_err(|_| QueueFull)?;
        answered.await.map_err(|_| QueueFull)
    }
}

impl Hashing {
    fn begin(busy: Arc<AtomicUsize>) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        Self(busy)
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    lower_thread_priority();
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
fn lower_thread_priority() {
    /// A tenth of the processor time of a thread of ordinary rank, where both want all of it.
    const NICE: i32 = 10;
    // On Linux "this process" is this thread. One that may not step back hashes as before.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        log::debug!("hashing is as important as all else: {error}");
    }
}

/// Elsewhere it would be the whole process that steps back.
#[cfg(not(target_os = "linux"))]
fn lower_thread_priority() {}

#[cfg(test)]
mod tests {
    use server_kit::request_id::{self, RequestId};

    use crate::domain::passwords::hashing_pool::{HashingPool, WAITING};

    #[tokio::test]
    async fn the_request_is_known_on_the_other_thread_too() {
        let pool = HashingPool::start(1);
        let seen = || async { pool.reserve().unwrap().run(|_| request_id::current()).await.unwrap() };
        let id = RequestId::random();
        assert_eq!(request_id::handling(id.clone(), seen()).await, Some(id));
        assert_eq!(seen().await, None);
    }

    #[tokio::test]
    async fn the_load_is_what_is_hashed_and_what_waits() {
        let pool = HashingPool::start(1);
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let hashing = pool.reserve().unwrap().run(move |_| {
            let _ = begun.send(());
            let _ = ends.recv();
        });
        let hashing = tokio::spawn(hashing);
        begins.await.unwrap();
        let waiting: Vec<_> = std::iter::from_fn(|| pool.reserve().ok()).collect();
        let load = pool.load();
        assert_eq!((load.threads, load.busy, load.waiting), (1, 1, WAITING));
        assert_eq!(pool.refused.get(), 1, "the one that found no slot");

        drop(waiting);
        end.send(()).unwrap();
        hashing.await.unwrap().unwrap();
        let load = pool.load();
        assert_eq!((load.busy, load.waiting), (0, 0));
    }
}
