use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::stack::{Stack, bash, folder, program};

const SECRETS: [&str; 3] =
    ["secrets/jwt_refresh_secret", "secrets/key_encryption_secret", "secrets/revocation_feed_token"];

#[test]
fn the_first_run_creates_secrets_that_only_the_owner_can_read() {
    let folder = folder();
    let data = folder.path().join("data");
    let _stack = Stack::start(&data);
    assert_eq!((mode(&data), mode(&data.join("secrets"))), (0o700, 0o700));
    for file in SECRETS.into_iter().chain(["latchkey.db"]) {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let secrets = secrets(&data);
    assert!(secrets.iter().all(|secret| secret.len() == 44), "32 bytes in base64");
    assert_ne!(secrets[0], secrets[1]);
    let left = fs::read_dir(data.join("secrets")).unwrap().count();
    assert_eq!(left, SECRETS.len(), "no draft is left");
}

#[test]
fn a_later_run_keeps_the_secrets_and_prints_no_password() {
    let folder = folder();
    let data = folder.path().join("data");
    let first = Stack::start(&data);
    assert_eq!(first.text.matches(first.named("password").expect("a password")).count(), 1);
    let made = secrets(&data);
    assert!(first.stop("TERM").success());

    let second = Stack::start(&data);
    assert_eq!(secrets(&data), made);
    assert!(!second.text.contains("also in"), "{}", second.text);
    assert!(second.text.contains("stack.json") && second.text.contains("--new-password"), "{}", second.text);
}

#[test]
fn new_password_replaces_the_administrators_password() {
    let folder = folder();
    let data = folder.path().join("data");
    let flags = ["--auth-addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0", "--new-password"];
    let password = |stack: &Stack| stack.named("password").expect("a password").to_owned();
    // At the first run there is nothing to replace.
    let first = Stack::launch(program(&data, &flags), &data);
    let old = password(&first);
    assert!(first.stop("TERM").success());

    let second = Stack::launch(program(&data, &flags), &data);
    let new = password(&second);
    assert_eq!(stack_json(&data, ["admin_password", "auth_url"])[0].as_ref(), Some(&new));
    for (password, status) in [(old, "401"), (new, "200")] {
        let script = format!(
            r#"curl -s -o /dev/null -w '%{{http_code}}' {auth}/auth/login -H 'Content-Type: application/json' \
                -d '{{"email":"admin@example.org","password":"{password}"}}'"#,
            auth = second.named("auth server").expect("an address"),
        );
        assert_eq!(bash(&script, folder.path()), status);
    }
}

/// Posts the code of the printed link, and returns the status and the user.
fn follow(stack: &Stack, more: &str) -> String {
    let link = stack.named("sign-in link").expect("a link");
    let (page, code) = link.split_once("#sign-in=").expect("a code in the fragment");
    let script = format!(
        r#"curl -s -w ' %{{http_code}}' {page}sign-in -H 'Content-Type: application/json' {more} \
            -d '{{"code":"{code}"}}'"#
    );
    bash(&script, std::env::temp_dir().as_path())
}

#[test]
fn each_run_prints_a_link_that_signs_the_administrator_in_once() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut links = Vec::new();
    for _ in 0..2 {
        let stack = Stack::start(&data);
        let from_other_site = follow(&stack, "-H 'Origin: https://evil.example'");
        assert!(from_other_site.ends_with(" 403"), "{from_other_site}");
        let response = follow(&stack, "");
        assert!(response.contains("admin@example.org") && response.ends_with(" 200"), "{response}");
        let again = follow(&stack, "");
        assert!(again.contains("invalid_credentials") && again.ends_with(" 401"), "{again}");
        let link = stack.named("sign-in link").expect("a link").to_owned();
        let code = link.rsplit('=').next().expect("a code").to_owned();
        assert!(stack.stop("TERM").success());
        let log = fs::read_to_string(folder.path().join("data.log")).expect("a log");
        assert!(log.contains("login_succeeded") && !log.contains(&code), "{log}");
        assert!(!links.contains(&link));
        links.push(link);
    }
}

#[test]
fn stack_json_has_what_is_printed_and_keeps_the_password_at_later_runs() {
    let folder = folder();
    let data = folder.path().join("data");
    let first = Stack::start(&data);
    assert_eq!(mode(&data.join("stack.json")), 0o600);
    let administrator = ["administrator", "password"].map(|name| first.named(name).map(str::to_owned));
    assert!(administrator.iter().all(Option::is_some));
    let addresses = ["auth server", "API"];
    let printed = |stack: &Stack| addresses.map(|name| stack.named(name).map(str::to_owned));
    assert_eq!(stack_json(&data, ["auth_url", "api_url"]), printed(&first));
    assert_eq!(stack_json(&data, ["admin_email", "admin_password"]), administrator);
    assert!(first.stop("TERM").success());

    let second = Stack::start(&data);
    assert_eq!(stack_json(&data, ["auth_url", "api_url"]), printed(&second));
    assert_eq!(stack_json(&data, ["admin_email", "admin_password"]), administrator);
}

#[test]
fn the_printed_password_is_an_administrators() {
    let folder = folder();
    let stack = Stack::start(&folder.path().join("data"));
    let script = format!(
        r#"
        BODY='{{"email":"{email}","password":"{password}"}}'
        ANSWER=$(curl -s {auth}/auth/login -H 'Content-Type: application/json' -d "$BODY")
        TOKEN=$(echo "$ANSWER" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
        curl -s -w '\n%{{http_code}}\n' {api}/admin -H "Authorization: Bearer $TOKEN"
        "#,
        email = stack.named("administrator").expect("an administrator"),
        password = stack.named("password").expect("a password"),
        auth = stack.named("auth server").expect("an address"),
        api = stack.named("API").expect("an address"),
    );
    let response = bash(&script, folder.path());
    assert!(response.contains(r#""roles":["admin"]"#) && response.ends_with("\n200\n"), "{response}");
    let log = fs::read_to_string(folder.path().join("data.log")).expect("a log");
    assert!(log.contains("login_succeeded") && !log.contains(" access "), "no line for each request: {log}");
}

#[test]
fn no_environment_variable_is_read() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut command = program(&data, &["--auth-addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0"]);
    for name in
        ["BIND_ADDR", "ISSUER", "JWT_REFRESH_SECRET", "DATABASE_URL", "DATA_DIR", "JWKS_URL", "WORKERS"]
    {
        command.env(name, "nonsense");
    }
    let stack = Stack::launch(command, &data);
    assert!(stack.named("auth server").is_some_and(|url| url.starts_with("http://localhost:")));
}

#[test]
fn ctrl_c_and_sigterm_end_it_with_success_even_while_a_client_stays_connected() {
    for signal in ["INT", "TERM"] {
        let folder = folder();
        let stack = Stack::start(&folder.path().join("data"));
        let port = stack.named("auth server").and_then(|url| url.rsplit(':').next()).expect("a port");
        let _client = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        assert_eq!(stack.stop(signal).code(), Some(0), "SIG{signal}");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn secrets(data: &Path) -> Vec<String> {
    SECRETS.map(|file| fs::read_to_string(data.join(file)).unwrap()).into()
}

fn stack_json(data: &Path, names: [&str; 2]) -> [Option<String>; 2] {
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(data.join("stack.json")).unwrap()).unwrap();
    names.map(|name| json[name].as_str().map(str::to_owned))
}

#[test]
fn with_setup_link_the_first_administrator_is_created_with_the_printed_link() {
    let folder = folder();
    let data = folder.path().join("data");
    let flags = ["--auth-addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0", "--setup-link"];
    let first = Stack::launch(program(&data, &flags), &data);
    assert!(
        first.named("administrator").is_none() && first.named("sign-in link").is_none(),
        "{}",
        first.text
    );
    let link = first.named("setup link").expect("a link").to_owned();
    let (page, token) = link.split_once('#').expect("a token in the fragment");
    let script = format!(
        r#"curl -s -w ' %{{http_code}}' {auth}/auth/setup -H 'Content-Type: application/json' \
            -d '{{"token":"{token}","email":"ann@example.org","password":"correct horse battery staple"}}'"#,
        auth = page.strip_suffix("/setup").expect("the page"),
    );
    let response = bash(&script, folder.path());
    assert!(response.contains(r#""roles":["admin"]"#) && response.ends_with(" 201"), "{response}");
    assert!(first.stop("TERM").success());
    let log = fs::read_to_string(folder.path().join("data.log")).expect("a log");
    assert!(!log.contains(token), "{log}");

    let second = Stack::launch(program(&data, &flags), &data);
    assert!(
        second.named("setup link").is_none() && second.named("administrator").is_none(),
        "{}",
        second.text
    );
}
