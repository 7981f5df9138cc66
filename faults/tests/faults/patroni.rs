use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use actix_web::rt::task::spawn_blocking;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::servers::on_postgres;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/patroni/cluster.sh");
const PATIENCE: Duration = Duration::from_secs(180);

/// One cluster at a time: the members of two would not renew their locks in time.
static TURN: Mutex<()> = Mutex::new(());

/// The cluster of `deploy/patroni`: three members, `HAProxy` and `PgBouncer`. Stopped and deleted when dropped.
pub struct Patroni {
    script: Child,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Patroni {
    /// With an empty database `latchkey`. `None` if the tests run on SQLite.
    pub fn start() -> Option<Self> {
        if !on_postgres() {
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Not in TMPDIR: another user must be able to enter, and the path of a socket is limited to 107 bytes.
        let folder = TempDir::with_prefix_in("latchkey-patroni-", "/tmp").expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", SCRIPT, "run"]).arg(folder.path().join("cluster"));
        let mut script = command.stdin(Stdio::null()).spawn().expect("a process");
        let started = Instant::now();
        while !folder.path().join("cluster/ready").exists() {
            let ended = script.try_wait().expect("its status");
            assert!(ended.is_none() && started.elapsed() < PATIENCE, "the cluster did not start");
            sleep(Duration::from_millis(50));
        }
        Some(Self { script, folder, _turn: turn })
    }

    /// The value of a line `NAME=VALUE` in the file of URLs.
    pub fn url(&self, name: &str) -> String {
        let urls = fs::read_to_string(self.folder.path().join("cluster/urls")).expect("URLs");
        let line = urls.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.expect(name).to_owned()
    }

    /// Runs a command of the script: `run(&["kill-leader"])`.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(SCRIPT);
        command.arg(arguments[0]).arg(self.folder.path().join("cluster")).args(&arguments[1..]);
        let done = spawn_blocking(move || command.output()).await.expect("no panic").expect("a process");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        // The script may have ended.
        let _ = kill_process(Pid::from_child(&self.script), Signal::TERM);
        let _ = self.script.wait();
    }
}
