use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Part of the last line of the text.
const LAST_LINE: &str = "/auth/logout";
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running local stack on free ports. Killed when dropped.
pub struct Stack {
    child: Child,
    /// What it printed when it started.
    pub text: String,
}

/// A folder for the data and other files of a test.
pub fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// The program with a data folder and more flags, not started yet.
pub fn program(data: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-stack"));
    command.arg("--data-dir").arg(data).args(flags).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// The complete output of a start that fails. Kills a start that succeeds.
pub fn run_to_its_end(mut command: Command) -> Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    if ended(&mut child, START_TIMEOUT).is_none() {
        child.kill().expect("it is killed");
    }
    child.wait_with_output().expect("its output")
}

/// A listener that keeps its port in use, and its address.
pub fn taken_port() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    (listener, address)
}

/// Runs lines in bash as if pasted, and returns their output. Temporary files are created in `folder`.
pub fn bash(script: &str, folder: &Path) -> String {
    let mut shell = Command::new("bash")
        .env("TMPDIR", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash is there");
    shell.stdin.take().expect("its input").write_all(script.as_bytes()).expect("bash reads");
    let output = shell.wait_with_output().expect("bash ends");
    assert!(output.status.success(), "bash failed on:\n{script}");
    String::from_utf8(output.stdout).expect("text")
}

impl Stack {
    /// Starts on free ports, and waits for the text.
    pub fn start(data: &Path) -> Self {
        Self::launch(program(data, &["--auth-addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0"]), data)
    }

    /// Starts a prepared command, and waits for the text. Its log goes to a file beside the data.
    pub fn launch(mut command: Command, data: &Path) -> Self {
        let log = data.with_extension("log");
        let stderr = File::create(&log).expect("a log file");
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("its output");
        let mut stack = Self { child, text: String::new() };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in lines {
                // Also after the end of the test, so that the pipe stays open.
                let _ = sender.send(line);
            }
        });
        while !stack.text.contains(LAST_LINE) {
            let line = lines.recv_timeout(START_TIMEOUT).unwrap_or_else(|_| {
                panic!("no text, but:\n{}\n{}", stack.text, fs::read_to_string(&log).unwrap_or_default())
            });
            stack.text.push_str(&line);
            stack.text.push('\n');
        }
        stack
    }

    /// The value in the line of the text that begins with a word.
    pub fn named(&self, word: &str) -> Option<&str> {
        let rest =
            self.text.lines().find_map(|line| line.trim_start().strip_prefix(word)?.strip_prefix("  "));
        rest?.split_whitespace().next()
    }

    /// The lines to paste.
    pub fn steps(&self) -> &str {
        let start = self.text.find("  AUTH=").expect("lines for pasting");
        &self.text[start..]
    }

    /// Sends a signal, and returns the exit status.
    pub fn stop(mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill is there");
        assert!(sent.success(), "no signal could be sent");
        ended(&mut self.child, STOP_TIMEOUT).unwrap_or_else(|| panic!("still running after {STOP_TIMEOUT:?}"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ended(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < within {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}
