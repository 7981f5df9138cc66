use std::process::{Command, Output};

use server_kit::settings::heading;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_local-stack")).args(arguments).output().expect("the program")
}

#[test]
fn help_is_one_screen_that_begins_with_what_the_program_is_and_has_two_examples() {
    for flag in ["-h", "--help"] {
        let output = run(&[flag]);
        let help = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(0));
        assert!(help.starts_with("Both servers of Latchkey in one process"), "{help}");
        assert!(help.lines().count() <= 40, "{help}");
        let (_, examples) = help.split_once("Examples:").expect("examples");
        assert_eq!(examples.lines().filter(|line| line.ends_with(':')).count(), 2, "{help}");
    }
    let help = String::from_utf8(run(&["--help"]).stdout).expect("text");
    for heading in [heading::DATABASE, heading::NETWORK] {
        assert!(help.contains(&format!("\n{heading}:\n")), "{heading}: {help}");
    }
}

#[test]
fn wrong_usage_ends_with_status_2_and_one_line() {
    for (argument, line) in [
        ("--data-dri=x", "unexpected argument '--data-dri' found; a similar argument exists: '--data-dir'"),
        ("--api-addr=192.168.1.5:8080", "such as 127.0.0.1:8080"),
        ("run", "unexpected argument 'run' found"),
    ] {
        let output = run(&[argument]);
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.starts_with("local-stack: ") && error.contains(line), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
