use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use test_support::free_address;

const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server for one test, which can be stopped and started again. Unlike the one of scripts/postgres.sh it writes to
/// disk safely, because crashes are tested. Stopped and deleted when dropped.
pub struct Cluster {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

/// A server whose processes are stopped by SIGSTOP.
pub struct Frozen<'a>(&'a Cluster);

impl Cluster {
    /// With a role `latchkey` that can create schemas, and a role `standby` for replication. `None` if the tests run on SQLite.
    pub fn start() -> Option<Self> {
        std::env::var_os("LATCHKEY_TEST_DATABASE_URL")?;
        let mut cluster = Self::in_new_folder();
        cluster.run(
            "initdb",
            &["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
        );
        // The superuser, who can run programs, can connect only through the socket, whose folder other users cannot enter.
        let rules = "local all all trust\nhost all latchkey 127.0.0.1/32 trust\nhost replication standby 127.0.0.1/32 trust\n";
        fs::write(cluster.data().join("pg_hba.conf"), rules).expect("its rules");
        cluster.start_again();
        cluster.sql(
            "CREATE ROLE latchkey LOGIN; GRANT CREATE ON DATABASE postgres TO latchkey; \
             CREATE ROLE standby LOGIN REPLICATION",
        );
        Some(cluster)
    }

    /// An asynchronous standby of the server on this port.
    pub fn standby_of(port: u16) -> Self {
        let mut standby = Self::in_new_folder();
        let source = format!("host=127.0.0.1 port={port} user=standby");
        standby.run(
            "pg_basebackup",
            &["--dbname", &source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"],
        );
        standby.start_again();
        standby
    }

    fn in_new_folder() -> Self {
        // Not in TMPDIR: another user must be able to enter, and the path of a socket is limited to 107 bytes.
        let folder = TempDir::with_prefix_in("latchkey-cluster-", "/tmp").expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("a folder of its own");
        if let Some(user) = owner() {
            std::os::unix::fs::chown(folder.path(), Some(user), None).expect("a folder of that user");
        }
        Self { folder, port: free_address().port(), process: None }
    }

    /// The URL for the role that can create schemas.
    pub fn url(&self) -> String {
        format!("postgres://latchkey@127.0.0.1:{}/postgres", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns when it accepts connections, after crash recovery.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it is already running");
        let log = fs::File::options().create(true).append(true).open(self.log()).expect("a log");
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        command.args([
            "-p",
            &self.port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "shared_buffers=32MB",
        ]);
        self.process = Some(command.stderr(log).stdin(Stdio::null()).spawn().expect("postgres"));
        let started = Instant::now();
        while self.query("SELECT 1").is_none() {
            let ended = self.process.as_mut().expect("a process").try_wait().expect("its status");
            assert!(ended.is_none() && started.elapsed() < PATIENCE, "{}", self.logged());
            sleep(Duration::from_millis(20));
        }
    }

    /// Like `pg_ctl stop --mode=immediate`: without a message to clients, and without a checkpoint.
    pub fn stop_immediately(&mut self) {
        let mut process = self.process.take().expect("a server");
        kill_process(Pid::from_child(&process), Signal::QUIT).expect("a signal");
        process.wait().expect("its end");
    }

    /// Stops all its processes with SIGSTOP, until the returned value is dropped.
    pub fn freeze(&self) -> Frozen<'_> {
        self.signal_all(Signal::STOP);
        Frozen(self)
    }

    fn signal_all(&self, signal: Signal) {
        let main = self.process.as_ref().expect("a server").id();
        let children =
            fs::read_to_string(format!("/proc/{main}/task/{main}/children")).expect("its processes");
        let all =
            children.split_whitespace().map(|id| id.parse().expect("a process")).chain([main.cast_signed()]);
        for id in all {
            // The process may have ended.
            let _ = kill_process(Pid::from_raw(id).expect("a process"), signal);
        }
    }

    /// Promotes a standby; returns when it accepts writes.
    pub fn promote(&self) {
        assert_eq!(self.query("SELECT pg_promote()").as_deref(), Some("t"), "{}", self.logged());
    }

    /// Runs a statement as the superuser, and returns the output.
    pub fn sql(&self, sql: &str) -> String {
        self.query(sql).unwrap_or_else(|| panic!("{sql}: {}", self.logged()))
    }

    fn query(&self, sql: &str) -> Option<String> {
        let mut psql = Command::new(programs().join("psql"));
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--username=postgres",
            "postgres",
        ]);
        psql.arg("--host").arg(self.folder.path()).args(["--port", &self.port.to_string(), "--command", sql]);
        let done = psql.stdin(Stdio::null()).output().expect("psql");
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }

    fn run(&mut self, program: &str, arguments: &[&str]) {
        let done =
            self.command(program).arg("--pgdata").arg(self.data()).args(arguments).output().expect(program);
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// PostgreSQL does not run as root. If the test is killed, the kernel stops the server.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if let Some(user) = owner() {
            command.args(["--reuid", &user.to_string(), "--clear-groups"]);
        }
        command.arg(programs().join(program)).current_dir(self.folder.path()).env("LC_ALL", "C");
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.signal_all(Signal::CONT);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.stop_immediately();
        }
    }
}

/// The user to run as if this process is root: `postgres` if Debian's package created it, otherwise `nobody`.
fn owner() -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("users");
    let id = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse().ok()
    };
    Some(id("postgres").or_else(|| id("nobody")).expect("an unprivileged user"))
}

/// The folder of initdb: the one on PATH, or the newest of Debian, which is not on PATH.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let all = std::env::split_paths(&path).chain(folders);
    let found = all.filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok()).find_map(|initdb| {
        let folder = initdb.parent()?;
        folder.join("postgres").exists().then(|| folder.to_owned())
    });
    found.expect("PostgreSQL's initdb; scripts/test.sh --setup-only installs it")
}

fn version(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}
