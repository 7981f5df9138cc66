//! Traffic, and what goes wrong meanwhile.

use std::fmt;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use actix_web::rt;
use test_support::{Program, free_address};

use super::checker::explain;
use super::history::Seen;
use super::model::{Grace, Rules};
use super::random::{self, Random};
use super::traffic::{Session, Traffic};
use crate::servers::{self, Place};

/// Sessions at a time.
const WIDTH: u64 = 5;

/// A row that is behind means that a rotation got lost. The server makes that good, and clients notice nothing.
const ALARMS: [&str; 2] = ["generation_restored", "panicked"];

/// What was seen in one run.
pub struct Run {
    pub name: String,
    pub rules: Rules,
    pub sessions: Vec<Session>,
    pub kills: usize,
    /// From when to when there were certainly no sessions to be read.
    pub outages: Vec<(u64, u64)>,
    /// What no server should have logged.
    pub alarms: Vec<String>,
}

/// One run of each kind, which the promises are held against.
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

/// Nothing goes wrong but what clients and the network do, and what `variables` ask of the servers.
pub async fn race(grace: Grace, sessions: usize, variables: &[(&'static str, &'static str)]) -> Run {
    let mut stage = Stage::set("race", grace).await;
    let (traffic, mut random) = (Rc::clone(&stage.traffic), stage.random.fork());
    for _ in 0..sessions {
        let subject = traffic.log_in(&mut random).await;
        traffic.prepared.borrow_mut().push(subject);
    }
    stage.variables.extend(variables);
    for index in 0..stage.programs.len() {
        stage.restart(index).await;
    }
    stage.kills = 0;
    traffic.flow(WIDTH, random).await;
    stage.run()
}

/// The servers are killed in the middle of it, and started again.
pub async fn crash(grace: Grace, kills: usize) -> Run {
    let mut stage = Stage::set("crash", grace).await;
    let flow = stage.flow();
    let mut random = stage.random.fork();
    for _ in 0..kills {
        // Not before somebody got something done, or a machine that is busy would see nothing but starts.
        stage.answers(1 + random.below(40)).await;
        rt::time::sleep(Duration::from_micros(random.below(20_000))).await;
        let index = usize::try_from(random.below(stage.programs.len() as u64)).expect("an index");
        stage.restart(index).await;
    }
    stage.answers(20).await;
    stage.finish(flow).await
}

/// The sessions are out of reach for a while, as often as that.
async fn outage(times: usize) -> Run {
    let mut stage = Stage::set("outage", Grace::None).await;
    let flow = stage.flow();
    let mut random = stage.random.fork();
    for _ in 0..times {
        stage.answers(1 + random.below(20)).await;
        stage.place.database.db_execute("ALTER TABLE sessions RENAME TO sessions_elsewhere");
        let from = stage.traffic.time.next();
        // Clients whose sessions were about to end wait for a new one now, and then there are not that many.
        let _ = rt::time::timeout(Duration::from_secs(1), stage.answers(10)).await;
        let until = stage.traffic.time.next();
        stage.place.database.db_execute("ALTER TABLE sessions_elsewhere RENAME TO sessions");
        stage.outages.push((from, until));
    }
    stage.answers(20).await;
    stage.finish(flow).await
}

/// The connections to PostgreSQL are cut in the middle of it, perhaps during a commit.
pub async fn cut(times: usize) -> Option<Run> {
    let mut stage = Stage::set("cut", Grace::None).await;
    if !stage.place.database.is_postgres() {
        return None;
    }
    stage.rules.unavailable_is_unknown = true;
    let flow = stage.flow();
    for _ in 0..times {
        stage.answers(20).await;
        stage.place.database.db_cut();
    }
    stage.answers(20).await;
    Some(stage.finish(flow).await)
}

struct Stage {
    name: &'static str,
    rules: Rules,
    seed: u64,
    random: Random,
    place: Place,
    variables: Vec<(&'static str, &'static str)>,
    /// Two on PostgreSQL, one on SQLite.
    programs: Vec<Program>,
    traffic: Rc<Traffic>,
    kills: usize,
    outages: Vec<(u64, u64)>,
    alarms: Vec<String>,
}

impl Stage {
    async fn set(name: &'static str, grace: Grace) -> Self {
        let seed = random::seed();
        eprintln!("{name}: LATCHKEY_SEED={seed}");
        let place = Place::new();
        let grace_setting = match grace {
            Grace::None => "0s",
            Grace::Endless => "1h",
        };
        let variables = vec![("REFRESH_REUSE_GRACE", grace_setting)];
        let mut programs = vec![place.start_with(&variables).await];
        if place.database.is_postgres() {
            programs.push(place.start_at(free_address(), &variables).await);
        }
        servers::register(&programs[0], "ann").await;
        let traffic = Traffic::new(programs.iter().map(Program::url).collect());
        Self {
            name,
            rules: Rules { grace, unavailable_is_unknown: false },
            seed,
            random: Random::new(seed),
            place,
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

    /// Waits for so many answers more.
    async fn answers(&self, more: u64) {
        let enough = self.traffic.answers.get() + more;
        while self.traffic.answers.get() < enough {
            rt::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn restart(&mut self, index: usize) {
        let program = self.programs.remove(index);
        let address = program.address;
        self.kill(program);
        self.kills += 1;
        self.programs.insert(index, self.place.start_at(address, &self.variables).await);
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
        let sessions = self.traffic.sessions(&self.place.database);
        for program in std::mem::take(&mut self.programs) {
            self.kill(program);
        }
        let database = if self.place.database.is_postgres() { "PostgreSQL" } else { "SQLite" };
        let grace = self.rules.grace;
        let name = format!("{} on {database}, grace {grace:?}, LATCHKEY_SEED={}", self.name, self.seed);
        let (kills, outages, alarms) = (self.kills, self.outages, self.alarms);
        Run { name, rules: self.rules, sessions, kills, outages, alarms }
    }
}

impl Run {
    /// Shown although the test passes: who runs it for its figures wants to see them.
    pub fn print(&self) {
        writeln!(std::io::stderr(), "{self}").expect("stderr");
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Seen) -> bool| {
            let all = self.sessions.iter().flat_map(|session| &session.operations);
            all.filter(|operation| operation.is_refresh() && wanted(&operation.seen)).count()
        };
        let explained = self.sessions.iter().map(|session| explain(self.rules, &session.operations));
        let redelivered: usize = explained.map(|one| one.map_or(0, |explained| explained.redelivered)).sum();
        write!(
            f,
            "{}: {} sessions, {} kills, {} refreshes: {} answered (200: {}, redelivered {redelivered}; \
             401: {}; 503: {}), {} unknown",
            self.name,
            self.sessions.len(),
            self.kills,
            count(|_| true),
            count(|seen| *seen != Seen::Nothing),
            count(|seen| matches!(seen, Seen::Rotation(_))),
            count(|seen| matches!(seen, Seen::Over(_))),
            count(|seen| *seen == Seen::Unavailable),
            count(|seen| *seen == Seen::Nothing),
        )
    }
}
