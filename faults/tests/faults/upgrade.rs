//! An earlier version and this one on one database, as during an upgrade.

use std::path::Path;
use std::process::{Command, Stdio};

use awc::http::Method;
use serde_json::json;
use test_support::{Call, Program, free_address};

use crate::servers::{Deployment, PASSWORD, start_api};
use crate::traffic::{Traffic, User};

const USERS: usize = 8;
const REFRESHES: usize = 400;

/// Builds the auth server of an earlier version: the last release before this commit or, without one, the commit before the
/// newest migration. Returns the commit and the program.
fn earlier() -> (String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output().expect("git");
        output.status.success().then(|| String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned())
    };
    let release = git(&["describe", "--tags", "--abbrev=0", "--match=v*", "HEAD~1"]);
    let commit = release.unwrap_or_else(|| {
        let migration =
            git(&["log", "-1", "--format=%h", "--", "migrations"]).expect("the repository with its history");
        format!("{migration}~1")
    });
    let commit = git(&["rev-parse", "--short", &commit]).expect("the repository with its history");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, target) = (folder.join(format!("earlier-{commit}")), folder.join("earlier"));
    std::fs::create_dir_all(&source).expect("a folder");
    let mut archive = Command::new("git");
    let mut archive =
        archive.args(["archive", &commit]).current_dir(root).stdout(Stdio::piped()).spawn().expect("git");
    let files = archive.stdout.take().expect("an archive");
    let unpacked = Command::new("tar").arg("x").current_dir(&source).stdin(files).status().expect("tar");
    assert!(unpacked.success() && archive.wait().expect("git").success(), "git archive {commit}");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--package", "auth-server", "--target-dir"]).arg(&target);
    assert!(build.current_dir(&source).status().expect("cargo").success(), "build of {commit}");
    (commit, target.join("debug/auth-server").to_str().expect("UTF-8").to_owned())
}

async fn register(server: &Program, name: &str) -> Vec<User> {
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(User::register(server.address, &format!("{name}{number}")).await);
    }
    users
}

/// A user of one version can log in at another, and APIs accept the token.
async fn log_in(server: &Program, name: &str, api: &Program) {
    let login = json!({"email": format!("{name}0@example.org"), "password": PASSWORD});
    let response = server.post("/auth/login").json(&login).send().await.assert_status(200).json();
    let token = response["access_token"].as_str().expect("a token");
    Call::new(Method::GET, format!("{}/protected", api.url())).bearer(token).send().await.assert_status(200);
}

#[actix_web::test]
#[ignore = "long: builds an earlier version"]
async fn an_earlier_version_and_this_one_serve_one_database_without_a_failed_refresh() {
    let (commit, program) = earlier();
    let deployment = Deployment::new();
    let old = deployment.start_program(&program, deployment.address, &[]).await;
    let api = start_api(&old.url()).await;
    let traffic = Traffic::start(old.address, register(&old, "ann").await);
    traffic.wait_for_more(REFRESHES);

    // It migrates the database while the earlier version serves requests.
    let new = deployment.start_at(free_address(), &[]).await;
    traffic.wait_for_more(REFRESHES);
    let other = Traffic::start(new.address, register(&new, "bob").await);
    other.wait_for_more(REFRESHES);
    traffic.wait_for_more(REFRESHES);

    // Sessions of each version continue at the other.
    let (first, second) = (traffic.finish(), other.finish());
    let mut unavailable = first.unavailable + second.unavailable;
    let (traffic, other) =
        (Traffic::start(new.address, first.users), Traffic::start(old.address, second.users));
    traffic.wait_for_more(REFRESHES);
    other.wait_for_more(REFRESHES);
    for server in [&old, &new] {
        log_in(server, "ann", &api).await;
        log_in(server, "bob", &api).await;
    }

    // The earlier version is gone, and was not disturbed.
    let (first, second) = (traffic.finish(), other.finish());
    let log = old.kill();
    assert!(!log.contains("reuse_detected") && !log.contains("panic"), "{log}");
    unavailable += first.unavailable + second.unavailable;
    let mut refreshes = 0;
    for record in [first, second] {
        record.assert_nothing_lost(new.address).await;
        refreshes += record.users.iter().map(|user| user.generation).sum::<u64>();
    }
    println!(
        "{commit} and this version on one database: {refreshes} refreshes, none failed, {unavailable} times 503 and repeated"
    );
}
