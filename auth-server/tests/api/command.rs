//! The program's commands, as an operator runs them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use test_support::TestDatabase;

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
