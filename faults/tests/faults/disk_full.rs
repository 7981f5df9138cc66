//! SQLite's disk becomes full, and has space again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use test_support::{Program, TestDatabase};

use crate::servers::{AUTH_SERVER, Deployment, PASSWORD, on_postgres, register};
use crate::traffic::{Traffic, User, assert_unavailable};

/// Starts a program with a small disk mounted at a folder: a tmpfs in its own mount namespace, which ends with the process.
struct SmallDisk {
    folder: TempDir,
    starter: PathBuf,
}

#[actix_web::test]
async fn a_full_disk_loses_no_session() {
    // Only SQLite's disk can be filled.
    if on_postgres() {
        return;
    }
    let Some(disk) = SmallDisk::for_program(AUTH_SERVER) else {
        eprintln!("SKIPPED: a tmpfs cannot be mounted in a namespace here");
        return;
    };
    let deployment = Deployment::with(TestDatabase::on_sqlite());
    let url = format!("sqlite://{}/small.db", disk.folder.path().display());
    let server = deployment
        .start_program(disk.starter.to_str().expect("text"), deployment.address, &[("DATABASE_URL", &url)])
        .await;
    let users =
        [User::register(deployment.address, "ann").await, User::register(deployment.address, "bob").await];
    let traffic = Traffic::start(deployment.address, users.to_vec());

    let mut recoveries = Vec::new();
    for _ in 0..3 {
        traffic.wait_for_more(10);
        let ballast = disk.fill(&server);
        wait_until_nothing_succeeds(&traffic);
        let newcomer = json!({"email": "newcomer@example.org", "password": PASSWORD});
        assert_unavailable(server.post("/auth/register").json(&newcomer).send().await);
        server.get("/healthz").send().await.assert_status(200);

        fs::remove_file(ballast).expect("the ballast");
        let freed = Instant::now();
        traffic.wait_for_more(1);
        recoveries.push(freed.elapsed());
    }

    let record = traffic.finish();
    assert!(record.unavailable > 0, "no request was rejected while the disk was full");
    record.assert_nothing_lost(deployment.address).await;
    register(&server, "newcomer").await;
    println!(
        "a full disk: {} responses 503, longest response {:?}; served again {recoveries:?} after space was freed",
        record.unavailable, record.longest
    );
}

fn wait_until_nothing_succeeds(traffic: &Traffic) {
    let started = Instant::now();
    loop {
        let before = traffic.acknowledged();
        sleep(Duration::from_millis(300));
        if traffic.acknowledged() == before {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "the disk is not full");
    }
}

impl SmallDisk {
    fn for_program(program: &str) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        // Without root, a user namespace is needed as well, if the system allows it.
        let namespace = ["--mount", "--user --map-root-user --mount"].into_iter().find(|namespace| {
            let mut trial = Command::new("unshare");
            trial.args(namespace.split(' ')).args(["mount", "-t", "tmpfs", "none"]).arg(folder.path());
            trial.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        })?;
        let starter = folder.path().with_extension("sh");
        let mount = format!("mount -t tmpfs -o size=4m none {}", folder.path().display());
        let script = format!("#!/bin/sh\nexec unshare {namespace} sh -c '{mount} && exec {program}'\n");
        fs::write(&starter, script).expect("a script");
        fs::set_permissions(&starter, fs::Permissions::from_mode(0o700)).expect("a script that runs");
        Some(Self { folder, starter })
    }

    /// Fills the disk, and returns the file that does.
    fn fill(&self, server: &Program) -> PathBuf {
        // The folder in the server's mount namespace.
        let root = PathBuf::from(format!("/proc/{}/root", server.id()));
        let inside: &Path = self.folder.path().strip_prefix("/").expect("an absolute path");
        let path = root.join(inside).join("ballast");
        let mut ballast = File::create(&path).expect("the ballast");
        loop {
            match ballast.write(&[0; 4096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return path,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.starter);
    }
}
