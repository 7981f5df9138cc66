//! Clients that refresh sessions with different behaviour.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt;
use awc::http::Method;
use serde_json::json;
use test_support::fault_proxy::{Fault, FaultProxy};
use test_support::{Call as Request, TestDatabase};

use super::history::{Call, Operation, Seen};
use super::random::Random;
use super::subject::{Subject, Time};
use crate::servers::PASSWORD;

/// How long the clients of a session continue after it has ended.
const CALLS_AFTER_THE_END: u64 = 2;
/// Longer than a restart takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

pub struct Traffic {
    pub time: Time,
    servers: Vec<String>,
    /// In front of the first server, to lose responses.
    proxy: FaultProxy,
    pub responses: Cell<u64>,
    pub successes: Successes,
    /// How long clients wait after each response.
    pub pause: Cell<Duration>,
    pub stopping: Cell<bool>,
    opened: Cell<usize>,
    /// Instead of all habits in turn.
    only: Cell<Option<Habits>>,
    /// Sessions that were created before the faults begin.
    pub prepared: RefCell<Vec<Subject>>,
    finished: RefCell<Vec<(Habits, Subject)>>,
}

/// Refreshes that succeeded, of all clients.
pub struct Successes {
    pub count: Cell<u64>,
    last: Cell<Instant>,
    /// Between two of them.
    pub longest_gap: Cell<Duration>,
}

impl Successes {
    fn add(&self) {
        let gap = self.last.replace(Instant::now()).elapsed();
        self.longest_gap.set(self.longest_gap.get().max(gap));
        self.count.set(self.count.get() + 1);
    }
}

/// The behaviour of the clients of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    clients: u64,
    calls: u64,
    keys: Keys,
    /// The percentage of calls with a random token, including superseded ones.
    replays: u64,
    log_outs: u64,
    /// The percentage of first tries that the client abandons after a few milliseconds.
    abandons: u64,
    /// Always the first token, as if no response arrived.
    ignores_responses: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    None,
    /// One per token: a client that repeats its request, or tabs that share the key.
    OfTheToken,
    /// One per call that is not a repetition.
    OfTheCall,
}

impl Habits {
    /// A correct client: alone, with a key per token, and repeating requests without a response.
    const CAREFUL: Self = Self {
        clients: 1,
        calls: 16,
        keys: Keys::OfTheToken,
        replays: 0,
        log_outs: 0,
        abandons: 0,
        ignores_responses: false,
    };
    /// The same without patience: it closes the connection, asks again and goes on.
    const IMPATIENT: Self = Self { abandons: 70, ..Self::CAREFUL };
    /// A client that never receives a response.
    const WITHOUT_RESPONSES: Self = Self { calls: 9, ignores_responses: true, ..Self::CAREFUL };
    const TABS: Self = Self { clients: 3, calls: 8, ..Self::CAREFUL };
    const WITH_REPLAYS: Self = Self { replays: 30, ..Self::TABS };

    /// Used in turn, so that every run has all of them.
    const ALL: [Self; 10] = [
        Self::CAREFUL,
        Self { keys: Keys::None, ..Self::TABS },
        Self { keys: Keys::None, ..Self::WITH_REPLAYS },
        Self::IMPATIENT,
        Self { keys: Keys::OfTheToken, log_outs: 15, ..Self::TABS },
        Self { keys: Keys::OfTheToken, ..Self::WITH_REPLAYS },
        Self::WITHOUT_RESPONSES,
        Self { keys: Keys::OfTheCall, ..Self::WITHOUT_RESPONSES },
        Self { keys: Keys::OfTheCall, abandons: 20, ..Self::TABS },
        Self { keys: Keys::OfTheCall, clients: 2, ..Self::WITH_REPLAYS },
    ];

    /// Whether its session must never end.
    fn is_careful(self) -> bool {
        self == Self::CAREFUL || self == Self::IMPATIENT
    }

    fn key(self, generation: u64, time: &Time) -> Option<u64> {
        match self.keys {
            Keys::None => None,
            Keys::OfTheToken => Some(generation),
            Keys::OfTheCall => Some(1_000_000 + time.next()),
        }
    }
}

/// What happens to a response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    Lost,
    /// The client closes the connection before it.
    Abandoned,
}

/// All observations of one session.
pub struct Session {
    pub careful: bool,
    pub operations: Vec<Operation>,
}

impl Traffic {
    pub fn new(servers: Vec<String>) -> Rc<Self> {
        let proxy = FaultProxy::start();
        proxy.forward_to(&servers[0]);
        Rc::new(Self {
            time: Time::default(),
            servers,
            proxy,
            responses: Cell::default(),
            successes: Successes {
                count: Cell::default(),
                last: Cell::new(Instant::now()),
                longest_gap: Cell::default(),
            },
            pause: Cell::default(),
            stopping: Cell::default(),
            opened: Cell::default(),
            only: Cell::default(),
            prepared: RefCell::default(),
            finished: RefCell::default(),
        })
    }

    /// Runs the prepared sessions, or creates new ones until it is stopped, with this number at a time.
    pub async fn flow(self: Rc<Self>, sessions: u64, mut random: Random) {
        let slots: Vec<_> = (0..sessions).map(|_| rt::spawn(Rc::clone(&self).slot(random.fork()))).collect();
        for slot in slots {
            slot.await.expect("no panic");
        }
    }

    /// From now on, all clients are careful ones that abandon requests.
    pub fn lose_patience(&self) {
        self.only.set(Some(Habits::IMPATIENT));
    }

    async fn slot(self: Rc<Self>, mut random: Random) {
        let endless = self.prepared.borrow().is_empty();
        while !self.stopping.get() {
            let prepared = self.prepared.borrow_mut().pop();
            let subject = match prepared {
                Some(subject) => Rc::new(subject),
                None if endless => Rc::new(self.log_in(&mut random).await),
                None => return,
            };
            let turn = self.opened.replace(self.opened.get() + 1);
            let habits = self.only.get().unwrap_or(Habits::ALL[turn % Habits::ALL.len()]);
            let clients: Vec<_> = (0..habits.clients)
                .map(|_| rt::spawn(Rc::clone(&self).client(Rc::clone(&subject), habits, random.fork())))
                .collect();
            for client in clients {
                client.await.expect("no panic");
            }
            let subject = Rc::into_inner(subject).expect("no client left");
            self.finished.borrow_mut().push((habits, subject));
        }
    }

    async fn client(self: Rc<Self>, subject: Rc<Subject>, habits: Habits, mut random: Random) {
        let http = test_support::client();
        let mut without_response = None;
        let mut calls_left = habits.calls;
        while calls_left > 0 || (habits.is_careful() && without_response.is_some()) {
            calls_left = calls_left.saturating_sub(1);
            let repeated = without_response.take().filter(|_| habits.is_careful() || random.chance(80));
            let call = match &repeated {
                Some(call) => Call::clone(call),
                None if random.chance(habits.log_outs) => Call::LogOut,
                None => {
                    let mut picked = || subject.pick(&mut random, habits.replays);
                    let generation = if habits.ignores_responses { 0 } else { picked() };
                    Call::Refresh { generation, key: habits.key(generation, &self.time) }
                }
            };
            // Only the first try may lose its response, so that the client makes progress.
            let is_first = repeated.is_none();
            let fate = if is_first && random.chance(habits.abandons) {
                Fate::Abandoned
            } else if is_first && random.chance(10) {
                Fate::Lost
            } else {
                Fate::Answered
            };
            match self.send(&subject, &http, call.clone(), fate, &mut random).await {
                Seen::NoResponse | Seen::Abandoned | Seen::Unavailable => without_response = Some(call),
                Seen::Ended(_) => calls_left = calls_left.min(CALLS_AFTER_THE_END),
                _ => {}
            }
        }
    }

    /// Retries until a server responds.
    async fn send(
        &self,
        subject: &Subject,
        http: &awc::Client,
        call: Call,
        fate: Fate,
        random: &mut Random,
    ) -> Seen {
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            let url = if fate == Fate::Lost {
                self.proxy.faults.set(Fault::LoseResponse, "/auth/refresh", Some(1));
                self.proxy.url()
            } else {
                self.any_server(random).to_owned()
            };
            let patience = (fate == Fate::Abandoned).then(|| Duration::from_micros(random.below(4_000)));
            if let Some(seen) = subject.call(&self.time, http, &url, call.clone(), patience).await {
                if matches!(seen, Seen::Rotation(_)) {
                    self.successes.add();
                }
                if !matches!(seen, Seen::NoResponse | Seen::Abandoned) {
                    self.responses.set(self.responses.get() + 1);
                    rt::time::sleep(self.pause.get()).await;
                }
                return seen;
            }
            rt::time::sleep(PAUSE).await;
        }
        panic!("no server responds");
    }

    /// Creates a session of the run's user, with retries.
    pub async fn log_in(&self, random: &mut Random) -> Subject {
        let credentials = json!({"email": "ann@example.org", "password": PASSWORD});
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            let url = format!("{}/auth/login", self.any_server(random));
            if let Ok(response) = Request::new(Method::POST, url).json(&credentials).try_send().await
                && response.status == 200
            {
                return Subject::of(&response);
            }
            rt::time::sleep(PAUSE).await;
        }
        panic!("no login succeeds");
    }

    fn any_server(&self, random: &mut Random) -> &str {
        let index = usize::try_from(random.below(self.servers.len() as u64)).expect("an index");
        &self.servers[index]
    }

    /// Reads the rows, and returns the observations of all sessions.
    pub fn sessions(&self, database: &TestDatabase) -> Vec<Session> {
        let finished = self.finished.take();
        let read = |(habits, subject): &(Habits, Subject)| {
            subject.db_read_row(&self.time, database);
            Session { careful: habits.is_careful(), operations: subject.operations() }
        };
        finished.iter().map(read).collect()
    }
}
