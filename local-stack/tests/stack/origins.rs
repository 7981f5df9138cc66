use std::fs;

use crate::stack::{Stack, bash, folder, program, run_to_its_end};

const FREE: [&str; 4] = ["--auth-addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0"];

/// Statuses of a login, of its preflight and of a preflight of the API, and how often the origin may read the response.
fn calls(stack: &Stack, origin: &str) -> String {
    let script = format!(
        r#"
        call() {{ curl -s -D - -o /dev/null -H 'Origin: {origin}' "$@" | tr -d '\r' |
            sed -nE -e '1s/.* ([0-9]+) .*/\1/p' -e 's/^access-control-allow-origin: /may read: /p'; }}
        call {auth}/auth/login -H 'Content-Type: application/json' -d '{{"email":"a@example.org","password":"wrong"}}'
        call -X OPTIONS {auth}/auth/login -H 'Access-Control-Request-Method: POST'
        call -X OPTIONS {api}/protected -H 'Access-Control-Request-Method: GET' \
            -H 'Access-Control-Request-Headers: authorization'
        "#,
        auth = stack.named("auth server").expect("an address"),
        api = stack.named("API").expect("an address"),
    );
    bash(&script, std::env::temp_dir().as_path())
}

fn log(folder: &tempfile::TempDir) -> String {
    fs::read_to_string(folder.path().join("data.log")).expect("a log")
}

#[test]
fn pages_of_this_machine_may_call_both_servers_from_any_port() {
    let folder = folder();
    let stack = Stack::start(&folder.path().join("data"));
    for origin in
        ["http://localhost:5173", "http://127.0.0.1:3000", "https://localhost:4321", "http://[::1]:80"]
    {
        // Browsers leave out the default port.
        let origin = origin.trim_end_matches(":80");
        let allowed = format!("401\nmay read: {origin}\n200\nmay read: {origin}\n200\nmay read: {origin}\n");
        assert_eq!(calls(&stack, origin), allowed);
    }
    assert!(!log(&folder).contains("rejected a page"), "{}", log(&folder));
}

#[test]
fn other_origins_are_rejected_and_the_log_names_each_once_with_the_flag() {
    let folder = folder();
    let stack = Stack::start(&folder.path().join("data"));
    for origin in ["http://192.168.1.5:5173", "http://localhost.example.org:5173"] {
        assert_eq!(calls(&stack, origin), "403\n403\n403\n");
        let warning = format!(
            "The origin {origin} is not allowed. --allow-origin={origin} of the local stack allows it."
        );
        // Once from each server.
        assert_eq!(log(&folder).matches(&warning).count(), 2, "{}", log(&folder));
    }
}

#[test]
fn allow_origin_adds_origins_and_warns_about_those_that_get_no_cookies() {
    let folder = folder();
    let data = folder.path().join("data");
    let (one, other) = ("http://192.168.1.5:5173", "capacitor://localhost");
    let flags = ["--allow-origin", one, "--allow-origin", other];
    let stack = Stack::launch(program(&data, &[&FREE[..], &flags].concat()), &data);
    for origin in [one, other, "http://localhost:5173"] {
        assert_eq!(calls(&stack, origin).matches("may read: ").count(), 3, "{origin}");
    }
    let log = log(&folder);
    assert!(log.contains(&format!("{one} is another site than localhost")), "{log}");
}

#[test]
fn an_invalid_origin_is_one_line() {
    let folder = folder();
    let data = folder.path().join("data");
    for (origin, reason) in [("*", "wildcards"), ("192.168.1.5:5173", "give scheme and host")] {
        let flag = format!("--allow-origin={origin}");
        let output = run_to_its_end(program(&data, &[&FREE[..], &[flag.as_str()]].concat()));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("--allow-origin") && error.contains(reason), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
