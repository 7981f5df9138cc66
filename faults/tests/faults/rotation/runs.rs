//! Traffic with different faults.

use std::cell::Cell;
use std::fmt;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use actix_web::rt;
use test_support::{Program, TestDatabase, free_address};

use super::checker::explain;
use super::history::Seen;
use super::model::{Grace, Rules};
use super::random::{self, Random};
use super::traffic::{PATIENCE, Session, Traffic};
use crate::patroni::Patroni;
use crate::servers::{self, Deployment};

/// The number of concurrent sessions.
const WIDTH: u64 = 5;

/// The pause of clients while a leader fails over, so that a session has few calls in that time.
const CONSIDERATE: Duration = Duration::from_millis(200);

/// A row that is behind its tokens means that a rotation was lost. The server repairs this without an error for the client.
const ALARMS: [&str; 2] = ["generation_restored", "panicked"];

/// The observations of one run.
pub struct Run {
    pub name: String,
    pub rules: Rules,
    pub sessions: Vec<Session>,
    pub kills: usize,
    /// The times in which the sessions could not be read.
    pub outages: Vec<(u64, u64)>,
    /// Log lines that must not appear.
    pub alarms: Vec<String>,
}

/// One run of each kind, for the tests of the promises.
pub fn all() -> &'static [Run] {
    static RUNS: OnceLock<Vec<Run>> = OnceLock::new();
    RUNS.get_or_init(|| {
        rt::System::new().block_on(async {
            let mut runs = Vec::new();
            for grace in [Grace::None, Grace::Endless] {
                runs.push(race(grace, 20, &[]).await);
                runs.push(crash(grace, 5).await);
            }
            runs.push(outage(6).await);
            runs
        })
    })
}

/// Only clients and the network cause faults, and what `variables` set on the servers.
pub async fn race(grace: Grace, sessions: usize, variables: &[(&'static str, &'static str)]) -> Run {
    let mut setup = Setup::start("race", grace).await;
    let (traffic, mut random) = (Rc::clone(&setup.traffic), setup.random.fork());
    for _ in 0..sessions {
        let subject = traffic.log_in(&mut random).await;
        traffic.prepared.borrow_mut().push(subject);
    }
    setup.variables.extend(variables);
    for index in 0..setup.programs.len() {
        setup.restart(index).await;
    }
    setup.kills = 0;
    traffic.flow(WIDTH, random).await;
    setup.run()
}

/// Clients abandon most of their requests, while two threads use all processor time.
pub async fn abandon(grace: Grace, sessions: usize) -> Run {
    let mut setup = Setup::start("abandon", grace).await;
    let (traffic, mut random) = (Rc::clone(&setup.traffic), setup.random.fork());
    for _ in 0..sessions {
        let subject = traffic.log_in(&mut random).await;
        traffic.prepared.borrow_mut().push(subject);
    }
    traffic.lose_patience();
    let busy = Arc::new(AtomicBool::new(true));
    let hogs = [0; 2].map(|_| {
        let busy = Arc::clone(&busy);
        thread::spawn(move || {
            while busy.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        })
    });
    traffic.flow(WIDTH, random).await;
    busy.store(false, Ordering::Relaxed);
    for hog in hogs {
        hog.join().expect("no panic");
    }
    setup.run()
}

/// The servers are killed during the traffic, and started again.
pub async fn crash(grace: Grace, kills: usize) -> Run {
    let mut setup = Setup::start("crash", grace).await;
    let flow = setup.flow();
    let mut random = setup.random.fork();
    for _ in 0..kills {
        // Wait for some responses, or a busy machine would only start servers.
        setup.responses(1 + random.below(40)).await;
        rt::time::sleep(Duration::from_micros(random.below(20_000))).await;
        let index = usize::try_from(random.below(setup.programs.len() as u64)).expect("an index");
        setup.restart(index).await;
    }
    setup.responses(20).await;
    setup.finish(flow).await
}

/// The sessions cannot be read for a while, this number of times.
async fn outage(times: usize) -> Run {
    let mut setup = Setup::start("outage", Grace::None).await;
    let flow = setup.flow();
    let mut random = setup.random.fork();
    for _ in 0..times {
        setup.responses(1 + random.below(20)).await;
        setup.deployment.database.db_execute("ALTER TABLE sessions RENAME TO sessions_elsewhere");
        let from = setup.traffic.time.next();
        // Clients whose sessions ended wait for a new one, so there may be fewer responses.
        let _ = rt::time::timeout(Duration::from_secs(1), setup.responses(10)).await;
        let until = setup.traffic.time.next();
        setup.deployment.database.db_execute("ALTER TABLE sessions_elsewhere RENAME TO sessions");
        setup.outages.push((from, until));
    }
    setup.responses(20).await;
    setup.finish(flow).await
}

/// The connections to PostgreSQL are closed during the traffic, perhaps during a commit.
pub async fn cut(times: usize) -> Option<Run> {
    let mut setup = Setup::start("cut", Grace::None).await;
    if !setup.deployment.database.is_postgres() {
        return None;
    }
    setup.rules.unavailable_is_unknown = true;
    let flow = setup.flow();
    for _ in 0..times {
        setup.responses(20).await;
        setup.deployment.database.db_cut();
    }
    setup.responses(20).await;
    Some(setup.finish(flow).await)
}

/// The host of the database's leader is lost, once for each of these commands of `cluster.sh`. Also returns how long no refresh
/// succeeded, each time.
pub async fn fail_over(patroni: &Patroni, url: &str, faults: &[&str]) -> (Run, Vec<Duration>) {
    let database = TestDatabase::kept(patroni.url(url));
    let mut setup = Setup::start_with("fail over", Grace::Endless, Deployment::with(database)).await;
    setup.rules.unavailable_is_unknown = true;
    setup.traffic.pause.set(CONSIDERATE);
    let flow = setup.flow();
    let mut outages = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        setup.successes(40).await;
        // Sometimes there are commits that no standby has received.
        if number % 2 == 1 {
            patroni.run(&["lag"]).await;
            rt::time::sleep(Duration::from_millis(300)).await;
        }
        setup.traffic.successes.longest_gap.set(Duration::ZERO);
        let leader = patroni.run(&[fault]).await;
        // More than the requests that may have been served before.
        setup.successes(40).await;
        outages.push(setup.traffic.successes.longest_gap.get());
        writeln!(std::io::stderr(), "{fault} {leader}: no refresh for {:?}", outages[number])
            .expect("stderr");
        setup.kills += 1;
        patroni.run(&["revive"]).await;
        patroni.run(&["wait"]).await;
        setup.deployment.database.db_execute("DELETE FROM password_failures");
    }
    (setup.finish(flow).await, outages)
}

struct Setup {
    name: &'static str,
    rules: Rules,
    seed: u64,
    random: Random,
    deployment: Deployment,
    variables: Vec<(&'static str, &'static str)>,
    /// Two on PostgreSQL, one on SQLite.
    programs: Vec<Program>,
    traffic: Rc<Traffic>,
    kills: usize,
    outages: Vec<(u64, u64)>,
    alarms: Vec<String>,
}

impl Setup {
    async fn start(name: &'static str, grace: Grace) -> Self {
        Self::start_with(name, grace, Deployment::new()).await
    }

    async fn start_with(name: &'static str, grace: Grace, deployment: Deployment) -> Self {
        let seed = random::seed();
        eprintln!("{name}: LATCHKEY_SEED={seed}");
        let grace_setting = match grace {
            Grace::None => "0s",
            Grace::Endless => "60s",
        };
        let variables = vec![("REFRESH_REUSE_GRACE", grace_setting)];
        let mut programs = vec![deployment.start_with(&variables).await];
        if deployment.database.is_postgres() {
            programs.push(deployment.start_at(free_address(), &variables).await);
        }
        servers::register(&programs[0], "ann").await;
        let traffic = Traffic::new(programs.iter().map(Program::url).collect());
        Self {
            name,
            rules: Rules { grace, unavailable_is_unknown: false },
            seed,
            random: Random::new(seed),
            deployment,
            variables,
            programs,
            traffic,
            kills: 0,
            outages: Vec::new(),
            alarms: Vec::new(),
        }
    }

    fn flow(&mut self) -> rt::task::JoinHandle<()> {
        rt::spawn(Rc::clone(&self.traffic).flow(WIDTH, self.random.fork()))
    }

    /// Waits for this number of further responses. If the clients have failed there will be none.
    async fn responses(&self, more: u64) {
        wait_for_more(&self.traffic.responses, more).await;
    }

    async fn successes(&self, more: u64) {
        wait_for_more(&self.traffic.successes.count, more).await;
    }

    async fn restart(&mut self, index: usize) {
        let program = self.programs.remove(index);
        let address = program.address;
        self.kill(program);
        self.kills += 1;
        // A login that a kill interrupts stays counted as a failure, and a hundred of them block logins from unknown devices.
        self.deployment.database.db_execute("DELETE FROM password_failures");
        self.programs.insert(index, self.deployment.start_at(address, &self.variables).await);
    }

    async fn finish(self, flow: rt::task::JoinHandle<()>) -> Run {
        self.traffic.stopping.set(true);
        flow.await.expect("no panic");
        self.run()
    }

    fn kill(&mut self, program: Program) {
        let log = program.kill();
        assert!(log.contains("listening on"), "it logs: {log}");
        let alarms = log.lines().filter(|line| ALARMS.iter().any(|alarm| line.contains(alarm)));
        self.alarms.extend(alarms.map(str::to_owned));
    }

    fn run(mut self) -> Run {
        let sessions = self.traffic.sessions(&self.deployment.database);
        for program in std::mem::take(&mut self.programs) {
            self.kill(program);
        }
        let database = if self.deployment.database.is_postgres() { "PostgreSQL" } else { "SQLite" };
        let grace = self.rules.grace;
        let name = format!("{} on {database}, grace {grace:?}, LATCHKEY_SEED={}", self.name, self.seed);
        let (kills, outages, alarms) = (self.kills, self.outages, self.alarms);
        Run { name, rules: self.rules, sessions, kills, outages, alarms }
    }
}

async fn wait_for_more(count: &Cell<u64>, more: u64) {
    let enough = count.get() + more;
    let wait = async {
        while count.get() < enough {
            rt::time::sleep(Duration::from_millis(1)).await;
        }
    };
    rt::time::timeout(2 * PATIENCE, wait).await.expect("the clients receive responses");
}

impl Run {
    /// Printed although the test passes, for the figures.
    pub fn print(&self) {
        writeln!(std::io::stderr(), "{self}").expect("stderr");
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |matches: fn(&Seen) -> bool| {
            let all = self.sessions.iter().flat_map(|session| &session.operations);
            all.filter(|operation| operation.is_refresh() && matches(&operation.seen)).count()
        };
        let explained = self.sessions.iter().map(|session| explain(self.rules, &session.operations));
        let redelivered: usize = explained.map(|one| one.map_or(0, |explained| explained.redelivered)).sum();
        write!(
            f,
            "{}: {} sessions, {} kills, {} refreshes: {} responses (200: {}, redelivered {redelivered}; \
             401: {}; 503: {}), {} unknown, {} abandoned",
            self.name,
            self.sessions.len(),
            self.kills,
            count(|_| true),
            count(|seen| !matches!(seen, Seen::NoResponse | Seen::Abandoned)),
            count(|seen| matches!(seen, Seen::Rotation(_))),
            count(|seen| matches!(seen, Seen::Ended(_))),
            count(|seen| *seen == Seen::Unavailable),
            count(|seen| *seen == Seen::NoResponse),
            count(|seen| *seen == Seen::Abandoned),
        )
    }
}
