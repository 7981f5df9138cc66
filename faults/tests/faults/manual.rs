//! The commands of `docs/operate.md` about secrets and incidents, run in their order as an operator would: with both servers as
//! processes, settings and secrets in files, and a `systemctl` that restarts the servers.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use awc::http::Method;
use serde_json::json;
use tempfile::TempDir;
use test_support::{Call, Program, Response, TestDatabase, free_address};

use crate::servers::{AUTH_SERVER, PASSWORD, RESOURCE_SERVER};

/// How long an API may take to learn about a change.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);
const SECRETS: [&str; 3] = ["jwt_refresh_secret", "key_encryption_secret", "revocation_feed_token"];
const AUTH: &str = "latchkey-auth-server";
const API: &str = "latchkey-resource-server";

/// Two servers, installed as the Debian packages do, but in a folder of their own.
struct Installation {
    folder: TempDir,
    auth: SocketAddr,
    api: SocketAddr,
    /// Deleted with this.
    _database: TestDatabase,
    servers: Vec<(&'static str, Program)>,
    log: String,
}

impl Installation {
    async fn new() -> Self {
        let (folder, database) = (TempDir::new().expect("a folder"), TestDatabase::fresh());
        let (auth, api, root) = (free_address(), free_address(), folder.path().display());
        for name in ["bin", "etc/latchkey/secrets"] {
            fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        for name in SECRETS {
            write(&folder.path().join("etc/latchkey/secrets").join(name), &format!("{name:-<40}"), 0o640);
        }
        let shared = format!(
            "ISSUER=http://{auth}\nREVOCATION_FEED_TOKEN_FILE={root}/etc/latchkey/secrets/revocation_feed_token\n"
        );
        let settings = format!(
            "DATABASE_URL={}\nJWT_REFRESH_SECRET_FILE={root}/etc/latchkey/secrets/jwt_refresh_secret\n\
            KEY_ENCRYPTION_SECRET_FILE={root}/etc/latchkey/secrets/key_encryption_secret\n\
            ARGON2_MEMORY_KIB=8\nARGON2_ITERATIONS=1\n",
            database.url,
        );
        fs::write(folder.path().join("etc/latchkey/auth-server.env"), shared.clone() + &settings)
            .expect("settings");
        fs::write(folder.path().join("etc/latchkey/resource-server.env"), shared).expect("settings");
        let systemctl = format!("#!/bin/sh\necho $2 >> {root}/restarted\n");
        write(&folder.path().join("bin/systemctl"), &systemctl, 0o755);
        // As for systemd, values are not words of a shell: a URL may contain `&` and `?`.
        let with_settings =
            format!("exec env $(cat {root}/etc/latchkey/auth-server.env) {AUTH_SERVER} \"$@\"");
        let command = format!("#!/bin/sh\nset -f\n{with_settings}\n");
        write(&folder.path().join("bin/auth-server"), &command, 0o755);

        let mut installation =
            Self { folder, auth, api, _database: database, servers: Vec::new(), log: String::new() };
        installation.restart(AUTH).await;
        installation.restart(API).await;
        installation
    }

    async fn restart(&mut self, name: &'static str) {
        if let Some(at) = self.servers.iter().position(|(running, _)| *running == name) {
            self.log += &self.servers.remove(at).1.kill();
        }
        let (path, address, settings) = if name == AUTH {
            (AUTH_SERVER, self.auth, "auth-server")
        } else {
            (RESOURCE_SERVER, self.api, "resource-server")
        };
        let settings = self.folder.path().join(format!("etc/latchkey/{settings}.env"));
        let settings = fs::read_to_string(settings).expect("settings") + "LOG_FORMAT=json\n";
        let settings: Vec<_> = settings.lines().filter_map(|line| line.split_once('=')).collect();
        self.servers.push((name, Program::start(path, address, &settings).await));
    }

    /// Runs a block of commands under a heading of the manual, then restarts the servers that it restarts. Returns what it
    /// prints.
    async fn run(&mut self, heading: &str, block: usize) -> String {
        let folder = self.folder.path().to_str().expect("UTF-8");
        let commands =
            blocks(heading).swap_remove(block).replace("/etc/latchkey", &format!("{folder}/etc/latchkey"));
        let path = format!("{folder}/bin:{}", std::env::var("PATH").expect("a path"));
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &commands])
            .current_dir(folder)
            .env("PATH", path)
            .env("HOME", folder);
        let output = bash.env("ISSUER", format!("http://{}", self.auth)).output().expect("bash");
        let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
        assert!(output.status.success(), "{heading}: {commands}\n{err:?}");

        let restarted = self.folder.path().join("restarted");
        for name in fs::read_to_string(&restarted).unwrap_or_default().lines() {
            self.restart(if name == AUTH { AUTH } else { API }).await;
        }
        let _ = fs::remove_file(restarted);
        out.expect("UTF-8")
    }

    async fn enter(&self, path: &str, name: &str) -> Response {
        let user =
            json!({"email": format!("{name}@example.org"), "password": PASSWORD, "token_delivery": "body"});
        self.auth(path).json(&user).send().await
    }

    async fn register(&self, name: &str) -> Session {
        Session::from(&self.enter("/auth/register", name).await.assert_status(201))
    }

    fn auth(&self, path: &str) -> Call {
        Call::new(Method::POST, format!("http://{}{path}", self.auth))
    }

    async fn refresh(&self, session: &Session) -> Response {
        self.auth("/auth/refresh").json(&json!({"refresh_token": session.refresh_token})).send().await
    }

    /// Refreshes until the API accepts the new token: a server may sign with a retired key for ten seconds.
    async fn go_on(&self, session: &mut Session) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            *session = Session::from(&self.refresh(session).await.assert_status(200));
            let response = self.call_api(session).await;
            if response.status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "{} {}", response.status, response.text());
            sleep(PAUSE).await;
        }
    }

    async fn call_api(&self, session: &Session) -> Response {
        let call = Call::new(Method::GET, format!("http://{}/protected", self.api));
        call.bearer(&session.access_token).send().await
    }

    /// Waits until the API responds to the access token with this status.
    async fn await_api(&self, session: &Session, status: u16) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let response = self.call_api(session).await;
            if response.status == status {
                return;
            }
            assert!(Instant::now() < deadline, "{} {}", response.status, response.text());
            sleep(PAUSE).await;
        }
    }
}

struct Session {
    access_token: String,
    refresh_token: String,
}

impl From<&Response> for Session {
    fn from(response: &Response) -> Self {
        let member = |name: &str| response.json()[name].as_str().expect("a token").to_owned();
        Self { access_token: member("access_token"), refresh_token: member("refresh_token") }
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a file");
}

/// The blocks of commands under a heading of `docs/operate.md`.
fn blocks(heading: &str) -> Vec<String> {
    let manual =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate.md")).expect("the manual");
    let section =
        manual.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")).1;
    let section = section.split("\n##").next().expect("a section");
    let blocks = section.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("commands").to_owned()).collect()
}

#[actix_web::test]
async fn secrets_are_replaced_without_a_logout() {
    let mut installation = Installation::new().await;
    let mut session = installation.register("ann").await;
    for heading in
        ["Replace JWT_REFRESH_SECRET", "Replace KEY_ENCRYPTION_SECRET", "Replace REVOCATION_FEED_TOKEN"]
    {
        let count = blocks(heading).len();
        assert!(count >= 3, "{heading}");
        for block in 0..count {
            installation.run(heading, block).await;
            installation.go_on(&mut session).await;
        }
    }
    let secrets = fs::read_dir(installation.folder.path().join("etc/latchkey/secrets")).expect("secrets");
    let secrets: Vec<_> = secrets.map(|secret| secret.expect("a secret").path()).collect();
    assert_eq!(secrets.len(), SECRETS.len(), "nothing is left over");
    for path in secrets {
        let (secret, mode) =
            (fs::read_to_string(&path).expect("a secret"), path.metadata().expect("a secret").mode());
        assert!(secret.len() > 32 && !secret.contains("--"), "{} was not replaced", path.display());
        assert_eq!(mode & 0o777, 0o640, "{}", path.display());
    }
}

#[actix_web::test]
async fn a_stolen_signing_key_makes_no_valid_token() {
    let mut installation = Installation::new().await;
    let heading = "A signing key was stolen";
    let mut session = installation.register("ann").await;
    installation.await_api(&session, 200).await;
    let before = installation.run(heading, 1).await;
    installation.run(heading, 0).await;
    installation.await_api(&session, 401).await;
    installation.go_on(&mut session).await;
    let after = installation.run(heading, 1).await;
    assert!(!before.is_empty() && before.lines().all(|kid| !after.contains(kid)), "{before}, then {after}");
}

#[actix_web::test]
async fn a_stolen_refresh_secret_makes_no_valid_token() {
    let mut installation = Installation::new().await;
    let session = installation.register("ann").await;
    installation.run("JWT_REFRESH_SECRET was stolen", 0).await;
    installation.refresh(&session).await.assert_status(401);
    let mut session = Session::from(&installation.enter("/auth/login", "ann").await.assert_status(200));
    installation.go_on(&mut session).await;
}

#[actix_web::test]
async fn an_account_that_was_taken_over_returns_to_its_owner() {
    let mut installation = Installation::new().await;
    let session = installation.register("ann").await;
    installation.await_api(&session, 200).await;
    let password = installation.run("An account was taken over", 0).await;
    installation.await_api(&session, 401).await;
    installation.refresh(&session).await.assert_status(401);
    installation.run("An account was taken over", 1).await;
    installation.enter("/auth/login", "ann").await.assert_status(401);
    let password =
        password.lines().find_map(|line| line.strip_prefix("password ")).expect("a password").trim();
    let login = json!({"email": "ann@example.org", "password": password, "new_password": PASSWORD});
    installation.auth("/auth/login").json(&login).send().await.assert_status(200);
}

#[actix_web::test]
async fn a_restored_backup_can_be_brought_up_to_date() {
    let mut installation = Installation::new().await;
    let (ann, bob) = (installation.register("ann").await, installation.register("bob").await);
    installation.run("A backup was restored", 0).await;
    for session in [ann, bob] {
        installation.await_api(&session, 401).await;
        installation.refresh(&session).await.assert_status(401);
    }
    installation.enter("/auth/login", "ann").await.assert_status(200);
    installation.enter("/auth/login", "bob").await.assert_status(401);
}

#[actix_web::test]
async fn a_flood_of_logins_is_traced_and_limited() {
    let mut installation = Installation::new().await;
    let heading = "A flood of logins";
    let mut session = installation.register("ann").await;
    for number in 0..10 {
        installation.enter("/auth/login", &format!("stranger{number}")).await.assert_status(401);
    }
    installation.restart(AUTH).await;
    fs::write(installation.folder.path().join("auth-server.log"), &installation.log).expect("a log");
    assert!(installation.run(heading, 0).await.contains("127.0.0.1"));
    installation.run(heading, 1).await;
    for number in 0..5 {
        installation.enter("/auth/login", &format!("stranger{number}")).await.assert_status(401);
    }
    installation.enter("/auth/login", "stranger6").await.assert_problem(429, "too_many_requests");
    installation.go_on(&mut session).await;
}
