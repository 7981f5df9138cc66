//! `auth-server completions` and `auth-server man`.

use std::fs;
use std::process::Command;

fn run(arguments: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .env("JWT_REFRESH_SECRET", "a value that no page contains")
        .args(arguments)
        .output()
        .expect("the program");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn completions_for_four_shells_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let (script, _) = run(&["completions", shell]);
        for word in ["all-but-newest", "reset-password", "database-url", "healthcheck"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // What bash does for `auth-server users s<TAB>`.
    let press_tab = "source <(\"$0\" completions bash); COMP_WORDS=(auth-server users s); COMP_CWORD=2
        $(complete -p auth-server | grep -o '_[^ ]*') auth-server s users; echo \"${COMPREPLY[@]}\"";
    let program = env!("CARGO_BIN_EXE_auth-server");
    let output = Command::new("bash").args(["-c", press_tab, program]).output().expect("bash");
    let words = String::from_utf8(output.stdout).expect("text");
    assert_eq!(words, "search show set-roles set-claims\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_command_has_a_manual_page() {
    let (page, _) = run(&["man"]);
    for text in [
        ".TH auth-server 1",
        "auth\\-server [OPTIONS] [COMMAND]",
        ".SH EXAMPLES",
        "\\fBDATABASE_URL_FILE\\fR",
        "auth\\-server\\-users(1)",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("a value that no page contains"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path");
    assert_eq!(run(&["man", path]), (String::new(), String::new()));
    assert_eq!(fs::read_to_string(folder.path().join("auth-server.1")).expect("a page"), page);
    let end = fs::read_to_string(folder.path().join("auth-server-sessions-end.1")).expect("a page");
    assert!(end.contains("auth\\-server sessions end [OPTIONS] <USER> [SESSION]"), "{end}");
    let (_, error) = run(&["man", "/nowhere"]);
    assert_eq!(error, "auth-server: cannot write manual pages into /nowhere: entity not found\n");
}
