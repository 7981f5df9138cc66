//! The program's commands, as an operator runs them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use test_support::TestDatabase;

use crate::app::{KEY_SECRET, REFRESH_SECRET};

/// A command's output and exit status.
pub struct Outcome {
    pub succeeded: bool,
    pub out: String,
    pub error: String,
}

/// Runs a command on a database.
pub fn run(database: &TestDatabase, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    run_with_input(database, arguments, variables, "")
}

/// Runs a command with text on its standard input, which is not a terminal.
pub fn run_with_input(
    database: &TestDatabase,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &str,
) -> Outcome {
    let mut process = Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .env("DATABASE_URL", &database.url)
        .env("BIND_ADDR", "127.0.0.1:0")
        .env("RUST_LOG", "off")
        .env("ARGON2_MEMORY_KIB", "8")
        .env("ARGON2_ITERATIONS", "1")
        .envs(variables.iter().copied())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    // A command that does not read its input closes the pipe.
    let _ = process.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = process.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Outcome { succeeded: output.status.success(), out: text(output.stdout), error: text(output.stderr) }
}

/// The first commands below a heading of `docs/operate.md`.
pub fn documented(heading: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate.md");
    let text = fs::read_to_string(path).expect("the manual");
    let (_, section) = text.split_once(&format!("\n{heading}\n")).expect("the section");
    let (_, commands) = section.split_once("```sh\n").expect("commands");
    commands.split_once("```").expect("their end").0.to_owned()
}

/// Runs commands in a folder, with the program in `PATH` and the secrets of the tests.
pub fn bash(folder: &Path, commands: &str, variables: &[(&str, &str)]) -> Outcome {
    let program = Path::new(env!("CARGO_BIN_EXE_auth-server"));
    let output = Command::new("bash")
        .args(["-euxc", commands])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", program.parent().expect("a folder").display()))
        .env("JWT_REFRESH_SECRET", REFRESH_SECRET)
        .env("KEY_ENCRYPTION_SECRET", KEY_SECRET)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Outcome { succeeded: output.status.success(), out: text(output.stdout), error: text(output.stderr) }
}

impl Outcome {
    pub fn json(&self) -> Value {
        self.assert_succeeded();
        serde_json::from_str(&self.out).expect("JSON")
    }

    pub fn assert_succeeded(&self) {
        assert!(self.succeeded, "{}", self.error);
        assert_eq!(self.error, "");
    }

    pub fn assert_rejected(&self, reason: &str) {
        assert!(!self.succeeded, "{}", self.out);
        assert_eq!(self.error.lines().count(), 1, "{}", self.error);
        assert!(self.error.contains(reason), "{}", self.error);
    }
}
