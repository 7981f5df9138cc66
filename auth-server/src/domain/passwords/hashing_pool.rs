use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use server_kit::request_id::{self, RequestId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::domain::passwords::hashing_memory::HashingMemory;

/// Passwords that may wait for a thread. At some 30 ms each, the last one waits for a second on two cores. Further logins
/// are rejected; refreshes need no hash and go on.
const MAX_WAITING: usize = 64;
/// New passwords get one in this many slots and threads, and at least one: they cost more than logins, and anyone can send
/// them. So a flood of registrations leaves the rest to logins.
const NEW_PASSWORDS: usize = 4;
/// How long the threads keep their memory without a password. Allocating it anew takes a tenth of the time of a hash.
const MEMORY_RETENTION: Duration = Duration::from_secs(10);

struct Job {
    request: Option<RequestId>,
    work: Box<dyn FnOnce(&mut HashingMemory) + Send>,
}

/// What the threads share.
struct Shared {
    queue: Mutex<mpsc::Receiver<Job>>,
    /// Memory that no thread uses, at most one for each thread.
    idle_memory: Mutex<Vec<HashingMemory>>,
    memory_retention: Duration,
}

/// Threads for argon2 and zxcvbn, one for each core: memory and processor time stay bounded, no matter how many users log in
/// at the same time.
#[derive(Clone)]
pub struct HashingPool {
    jobs: mpsc::Sender<Job>,
    slots: Arc<Semaphore>,
    slots_for_new: Arc<Semaphore>,
    threads_for_new: Arc<Semaphore>,
    threads: usize,
    busy: Arc<AtomicUsize>,
    rejected: Counter,
}

/// How busy the pool is.
pub struct Load {
    pub threads: usize,
    pub busy: usize,
    /// Reserved slots whose password is not being hashed yet.
    pub waiting: usize,
}

/// A slot in the queue, for one password. Released when dropped.
pub struct HashSlot {
    jobs: mpsc::Sender<Job>,
    permit: OwnedSemaphorePermit,
    busy: Arc<AtomicUsize>,
}

/// Counts a busy thread until it is dropped, also by a panic.
struct Hashing(Arc<AtomicUsize>);

#[derive(Debug, thiserror::Error)]
#[error("too many passwords are waiting to be hashed")]
pub struct QueueFull;

impl HashingPool {
    /// Starts the threads. They stop when the pool is dropped.
    pub fn start(threads: usize) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let shared =
            Shared { queue: queue.into(), idle_memory: Mutex::default(), memory_retention: MEMORY_RETENTION };
        Self::start_with(threads, jobs, &Arc::new(shared))
    }

    fn start_with(threads: usize, jobs: mpsc::Sender<Job>, shared: &Arc<Shared>) -> Self {
        for _ in 0..threads {
            let shared = Arc::clone(shared);
            thread::Builder::new()
                .name("hashing".to_owned())
                .spawn(move || work(&shared))
                .expect("the system has threads");
        }
        let capacity = threads + MAX_WAITING;
        let share = |of: usize| Arc::new(Semaphore::new((of / NEW_PASSWORDS).max(1)));
        Self {
            jobs,
            slots: Arc::new(Semaphore::new(capacity)),
            slots_for_new: share(capacity),
            threads_for_new: share(threads),
            threads,
            busy: Arc::default(),
            rejected: Counter::default(),
        }
    }

    pub fn load(&self) -> Load {
        let busy = self.busy.load(Ordering::Relaxed);
        let reserved = (self.threads + MAX_WAITING).saturating_sub(self.slots.available_permits());
        Load { threads: self.threads, busy, waiting: reserved.saturating_sub(busy) }
    }

    /// Adds the pool's counter to the registry.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Passwords rejected because too many were waiting";
        registry.register("passwords_refused", help, self.rejected.clone());
    }

    /// Reserves a slot without waiting.
    pub fn reserve(&self) -> Result<HashSlot, QueueFull> {
        let permit = self.permit(&self.slots)?;
        Ok(HashSlot { jobs: self.jobs.clone(), permit, busy: Arc::clone(&self.busy) })
    }

    /// Runs `work` for a new password. Waits until fewer than a quarter of the threads do so.
    pub async fn run_new<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut HashingMemory) -> T + Send + 'static,
    ) -> Result<T, QueueFull> {
        let share = self.permit(&self.slots_for_new)?;
        let slot = self.reserve()?;
        let thread = Arc::clone(&self.threads_for_new).acquire_owned().await.map_err(|_| QueueFull)?;
        slot.run(move |memory| {
            // Dropped with this closure, by a panic or a disconnected client too.
            let _permits = (share, thread);
            work(memory)
        })
        .await
    }

    fn permit(&self, semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, QueueFull> {
        Arc::clone(semaphore).try_acquire_owned().map_err(|_| {
            self.rejected.inc();
            QueueFull
        })
    }
}

impl HashSlot {
    /// Runs `work` on one of the threads. Fails if the threads have stopped because the server shuts down.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut HashingMemory) -> T + Send + 'static,
    ) -> Result<T, QueueFull> {
        let Self { jobs, permit, busy } = self;
        let (sender, receiver) = oneshot::channel();
        let work = Box::new(move |memory: &mut HashingMemory| {
            // The client disconnected while its password was waiting.
            if sender.is_closed() {
                return;
            }
            let hashing = Hashing::begin(busy);
            let result = work(memory);
            // Released before the result is sent, so that its receiver can reserve the next slot.
            drop((hashing, permit));
            let _ = sender.send(result);
        });
        jobs.send(Job { request: request_id::current(), work }).map_err(|_| QueueFull)?;
        receiver.await.map_err(|_| QueueFull)
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

fn work(shared: &Shared) {
    lower_thread_priority();
    loop {
        let next = lock(&shared.queue).recv_timeout(shared.memory_retention);
        match next {
            Ok(Job { request, work }) => request_id::on_behalf_of(request, || {
                let mut memory = lock(&shared.idle_memory).pop().unwrap_or_default();
                // If a library panics on some input, the thread must survive.
                if catch_unwind(AssertUnwindSafe(|| work(&mut memory))).is_err() {
                    log::error!("cannot check or hash a password: the library panicked");
                }
                lock(&shared.idle_memory).push(memory);
            }),
            Err(mpsc::RecvTimeoutError::Timeout) => lock(&shared.idle_memory).clear(),
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refreshes have priority over logins: while all cores are hashing, this halves their response time.
#[cfg(target_os = "linux")]
fn lower_thread_priority() {
    /// A tenth of the processor time of a normal thread when both are busy.
    const NICE: i32 = 10;
    // On Linux this applies to the calling thread alone. If it fails, hashing still works.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        log::debug!("cannot lower the priority of a hashing thread: {error}");
    }
}

/// On other systems it would apply to the whole process.
#[cfg(not(target_os = "linux"))]
fn lower_thread_priority() {}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};
    use std::thread;
    use std::time::{Duration, Instant};

    use server_kit::request_id::{self, RequestId};

    use crate::domain::passwords::hashing_memory::HashingMemory;
    use crate::domain::passwords::hashing_pool::{HashingPool, MAX_WAITING, Shared, lock};

    #[tokio::test]
    async fn the_request_id_is_available_on_the_hashing_thread() {
        let pool = HashingPool::start(1);
        let seen = || async { pool.reserve().unwrap().run(|_| request_id::current()).await.unwrap() };
        let id = RequestId::random();
        assert_eq!(request_id::handling(id.clone(), seen()).await, Some(id));
        assert_eq!(seen().await, None);
    }

    #[tokio::test]
    async fn the_load_counts_busy_threads_and_waiting_passwords() {
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
        assert_eq!((load.threads, load.busy, load.waiting), (1, 1, MAX_WAITING));
        assert_eq!(pool.rejected.get(), 1, "one found no slot");

        drop(waiting);
        end.send(()).unwrap();
        hashing.await.unwrap().unwrap();
        let load = pool.load();
        assert_eq!((load.busy, load.waiting), (0, 0));
    }

    #[test]
    fn memory_that_is_not_used_for_a_while_is_freed() {
        let (jobs, queue) = mpsc::channel();
        let idle_memory = Mutex::new(vec![HashingMemory::default()]);
        let shared = Shared { queue: queue.into(), idle_memory, memory_retention: Duration::from_millis(1) };
        let shared = Arc::new(shared);
        let _pool = HashingPool::start_with(2, jobs, &shared);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !lock(&shared.idle_memory).is_empty() {
            assert!(Instant::now() < deadline, "the memory is still there");
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn new_passwords_leave_threads_and_slots_to_logins() {
        for (threads, threads_for_new) in [(1, 1), (2, 1), (8, 2)] {
            let pool = HashingPool::start(threads);
            let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
            let (end, ends) = std::sync::mpsc::channel::<()>();
            let ends = Arc::new(Mutex::new(ends));
            let new_password = || {
                let (pool, begun, ends) = (pool.clone(), begun.clone(), Arc::clone(&ends));
                tokio::spawn(async move {
                    let work = move |_: &mut HashingMemory| {
                        let _ = begun.send(());
                        let _ = ends.lock().map(|ends| ends.recv());
                    };
                    pool.run_new(work).await
                })
            };
            let slots_for_new = (threads + MAX_WAITING) / 4;
            let flood: Vec<_> = (0..slots_for_new + 10).map(|_| new_password()).collect();
            for _ in 0..threads_for_new {
                begins.recv().await.unwrap();
            }
            // Every task of the flood runs until it waits.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(pool.rejected.get(), 10, "more new passwords than their share of the slots");

            // Logins get through: all other slots are free, and the other threads have nothing to do.
            let free: Vec<_> = std::iter::from_fn(|| pool.reserve().ok()).collect();
            assert_eq!(free.len(), threads + MAX_WAITING - slots_for_new);
            drop(free);
            if threads > 1 {
                pool.reserve().unwrap().run(|_| ()).await.unwrap();
            }
            assert_eq!(pool.load().busy, threads_for_new);
            assert!(begins.try_recv().is_err(), "more new passwords than their share of the threads");

            drop(end);
            let mut hashed = 0;
            for password in flood {
                hashed += usize::from(password.await.unwrap().is_ok());
            }
            assert_eq!(hashed, slots_for_new, "the others found no slot");
            pool.run_new(|_| ()).await.unwrap();
        }
    }
}
