//! Output and questions at a terminal, which `script` of util-linux provides.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::json;
use test_support::TestDatabase;

use crate::app::PASSWORD;
use crate::cli::users::start;
use crate::command;

const RED: &str = "\u{1b}[31m";

/// A command at a terminal.
struct Terminal {
    process: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
    shown: String,
}

impl Terminal {
    fn start(database: &TestDatabase, columns: u16, variables: &[(&str, &str)], arguments: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_auth-server");
        let mut process = Command::new("script")
            .args([
                "-qec",
                &format!("stty rows 24 cols {columns} && exec {program} {arguments}"),
                "/dev/null",
            ])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("a path"))
            .env("TERM", "xterm")
            .env("DATABASE_URL", &database.url)
            .env("ARGON2_MEMORY_KIB", "8")
            .env("ARGON2_ITERATIONS", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script`, from util-linux");
        let (keyboard, screen) =
            (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        Self { process, keyboard, screen, shown: String::new() }
    }

    /// Waits for a question and types the answer.
    fn answer(&mut self, question: &str, answer: &str) {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(question) {
            let mut byte = [0];
            self.screen
                .read_exact(&mut byte)
                .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&seen)));
            seen.extend(byte);
        }
        self.shown += &String::from_utf8_lossy(&seen);
        self.keyboard.write_all(format!("{answer}\n").as_bytes()).expect("a pipe");
    }

    /// All that the terminal showed, and whether the command succeeded.
    fn finish(mut self) -> (String, bool) {
        self.screen.read_to_string(&mut self.shown).expect("text");
        let status = self.process.wait().expect("a status");
        (self.shown.replace("\r\n", "\n"), status.success())
    }
}

fn output(database: &TestDatabase, columns: u16, variables: &[(&str, &str)], arguments: &str) -> String {
    Terminal::start(database, columns, variables, arguments).finish().0
}

#[actix_web::test]
async fn a_table_fits_the_terminal_with_the_address_first_and_the_id_last() {
    let app = start(&[]).await;
    let ann = app.register("ann.with.a.long.name.in.a.long.department").await;
    let no_color = [("NO_COLOR", "1")];
    let narrow = output(&app.database, 80, &no_color, "users list");
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    let lines: Vec<&str> = narrow.lines().collect();
    assert!(lines[0].starts_with("E-MAIL ") && lines[0].ends_with("  ID"), "{narrow}");
    assert!(lines[1].ends_with(&format!("  {}…", &ann.user_id[..8])), "{narrow}");
    let wide = output(&app.database, 200, &no_color, "users list");
    assert!(wide.contains(".department@example.org ") && wide.contains(&ann.user_id), "{wide}");
    let stacked = output(&app.database, 30, &no_color, "users list");
    assert!(stacked.contains(&format!("ID          {}", ann.user_id)), "{stacked}");
}

#[actix_web::test]
async fn colours_appear_only_at_a_terminal_and_without_no_color() {
    let app = start(&[]).await;
    app.register("ann").await;
    command::run(&app.database, &["users", "disable", "ann@example.org"], &[]).assert_succeeded();
    let red = format!("{RED}disabled");
    assert!(output(&app.database, 80, &[], "users list").contains(&red));
    let without = output(&app.database, 80, &[("NO_COLOR", "1")], "users list");
    assert!(without.contains("  disabled  ") && !without.contains('\u{1b}'), "{without:?}");
    let piped = command::run(&app.database, &["users", "list"], &[]).out;
    assert!(piped.contains("  disabled  ") && !piped.contains('\u{1b}'), "{piped:?}");
    assert!(output(&app.database, 80, &[], "users --help").contains("\u{1b}[1m\u{1b}[32mUsage:"));
}

#[actix_web::test]
async fn a_password_is_asked_for_twice_without_echo() {
    let app = start(&[]).await;
    app.register("ann").await;
    let reset = "users reset-password ann@example.org --password-stdin";
    let mut terminal = Terminal::start(&app.database, 80, &[], reset);
    terminal.answer("New password for ann@example.org: ", PASSWORD);
    terminal.answer("Repeat the password: ", "another password");
    let (shown, succeeded) = terminal.finish();
    assert!(!succeeded && shown.ends_with("auth-server: the passwords differ\n"), "{shown}");

    let new = "a quiet new password";
    let mut terminal = Terminal::start(&app.database, 80, &[], reset);
    terminal.answer("New password for ann@example.org: ", new);
    terminal.answer("Repeat the password: ", new);
    let (shown, succeeded) = terminal.finish();
    assert!(succeeded && shown.contains("changed the password of ann@example.org"), "{shown}");
    assert!(!shown.contains(new) && !shown.contains(PASSWORD), "{shown}");
    app.try_login("ann", &json!({"password": new})).await.assert_problem(403, "password_change_required");
}

#[actix_web::test]
async fn deletion_at_a_terminal_asks_first() {
    let app = start(&[]).await;
    app.register("ann").await;
    let delete = "users delete ann@example.org";
    let mut terminal = Terminal::start(&app.database, 80, &[], delete);
    terminal.answer("This cannot be undone. [y/N] ", "n");
    let (shown, succeeded) = terminal.finish();
    assert!(!succeeded && shown.ends_with("auth-server: cancelled\n"), "{shown}");
    let mut terminal = Terminal::start(&app.database, 80, &[], delete);
    terminal.answer("This cannot be undone. [y/N] ", "y");
    assert!(terminal.finish().1);
}

#[actix_web::test]
async fn commands_log_warnings_and_nothing_below() {
    let app = start(&[]).await;
    app.register("ann").await;
    let logged =
        |variables| command::run(&app.database, &["sessions", "end", "ann@example.org"], variables).error;
    assert_eq!(logged(&[("RUST_LOG", "")]), "");
    app.log_in("ann").await;
    assert!(logged(&[("RUST_LOG", "info")]).contains("session_ended"));
}
