use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::stack::{Stack, bash, folder, program};

fn start(data: &Path) -> Stack {
    let flags = ["--tls", "--auth-addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0"];
    Stack::launch(program(data, &flags), data)
}

#[test]
fn the_printed_steps_work_over_https_with_secure_cookies() {
    let folder = folder();
    let stack = start(&folder.path().join("data"));
    assert!(stack.text.contains("AUTH=https://localhost:"), "{}", stack.text);
    let steps = stack.steps().replace("sleep 11", "cat $JAR");
    let printed = bash(&steps, folder.path());
    for expected in ["Hello Ann", r#""rotation":1"#, "__Host-refresh_token"] {
        assert!(printed.contains(expected), "no {expected} in {printed}");
    }
    assert!(printed.trim_end().ends_with("204"), "{printed}");
    let pages = "\nfor page in $AUTH/demo/ $AUTH/login $API/readyz; do
        curl -sS -o /dev/null -w '%{http_code} ' $page
    done\n";
    let pages = bash(&format!("{}{pages}", before_first_call(&stack)), folder.path());
    assert_eq!(pages, "200 200 200 ");
}

#[test]
fn nothing_is_trusted_beforehand() {
    let folder = folder();
    let stack = start(&folder.path().join("data"));
    let call = "unset CURL_CA_BUNDLE\ncurl -sS $AUTH/healthz 2>&1 || echo rejected\n";
    let printed = bash(&format!("{}\n{call}", before_first_call(&stack)), folder.path());
    assert!(printed.contains("certificate") && printed.ends_with("rejected\n"), "{printed}");
}

#[test]
fn later_runs_keep_the_certificate_and_the_key_of_the_authority_is_nowhere() {
    let folder = folder();
    let data = folder.path().join("data");
    let first = start(&data);
    let fingerprint = first.named("its SHA-256").expect("a fingerprint").to_owned();
    assert!(fingerprint.len() == 64 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(first.stop("TERM").success());
    assert_eq!(start(&data).named("its SHA-256"), Some(&*fingerprint));
    let files = fs::read_dir(data.join("tls")).expect("a folder");
    let names: BTreeSet<_> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("a name")).collect();
    assert_eq!(names, ["authority.pem", "certificate.pem", "key.pem"].map(str::to_owned).into());
    let mode = fs::metadata(data.join("tls/key.pem")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn before_first_call(stack: &Stack) -> &str {
    stack.steps().split("# 1.").next().expect("the first lines")
}
