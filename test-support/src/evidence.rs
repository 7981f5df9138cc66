//! Records what scripts/leaks.sh searches after a test run: the secrets that were used, and everything they could have
//! leaked to. Records nothing unless `LATCHKEY_TEST_EVIDENCE` names a folder.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::{env, process};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

const FOLDER: &str = "LATCHKEY_TEST_EVIDENCE";

/// Shorter secrets would be found by chance.
const SHORTEST: usize = 12;

static FOLDER_OF_THIS_RUN: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| env::var_os(FOLDER).map(PathBuf::from));
static FILES: Mutex<BTreeMap<&str, File>> = Mutex::new(BTreeMap::new());

/// Where a secret must not appear.
#[derive(Clone, Copy, Debug)]
pub enum Sink {
    Log,
    Database,
    Error,
}

impl Sink {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Database => "database",
            Self::Error => "error",
        }
    }
}

/// Whether the run is recorded.
pub fn is_recorded() -> bool {
    FOLDER_OF_THIS_RUN.is_some()
}

/// Records a secret, in each form in which it could be printed.
pub fn secret(text: &str) {
    if text.len() < SHORTEST || !is_recorded() {
        return;
    }
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    let forms = [text.to_owned(), crate::hex(text), STANDARD.encode(text), bytes.join(", ")];
    write("secret", forms.join("\n").as_bytes());
}

/// Records a token's signature, without which the token is useless, and the session secret of a refresh token.
pub fn token(token: &str) {
    let mut parts = token.split('.').skip(1);
    let (Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next()) else { return };
    secret(signature);
    let claims =
        URL_SAFE_NO_PAD.decode(payload).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    if let Some(session_secret) = claims.as_ref().and_then(|claims| claims["sk"].as_str()) {
        secret(session_secret);
    }
}

/// Records text that must not contain a secret.
pub fn exposed(sink: Sink, text: &[u8]) {
    write(sink.name(), text);
}

/// Records a request and its response: the passwords of the request unless they were rejected as invalid input, the tokens
/// of the response, and the whole response if it is an error.
pub fn exchange(request: &[u8], status: u16, response: &[u8], cookies: &[String]) {
    if !is_recorded() {
        return;
    }
    if status < 300 || status == 401 {
        for password in members(request, &["password", "current_password", "new_password"]) {
            secret(&password);
        }
    }
    // The problem that asks for a second factor contains the challenge for the client: no other error may.
    let challenges = members(response, &["challenge"]);
    if status >= 400 {
        let text = String::from_utf8_lossy(response).into_owned();
        let rest = challenges.iter().fold(text, |text, challenge| text.replace(challenge, ""));
        exposed(Sink::Error, rest.as_bytes());
    }
    for challenge in challenges.iter().filter(|challenge| challenge.starts_with("lkc_")) {
        secret(challenge);
    }
    for text in members(response, &["access_token", "refresh_token"]) {
        token(&text);
    }
    for text in members(response, &["csrf_token"]) {
        secret(&text);
    }
    for cookie in cookies {
        let value = cookie.split(';').next().and_then(|pair| pair.split_once('='));
        if let Some((_, value)) = value {
            token(value);
        }
    }
}

/// The same for the bytes of a request and its response.
pub fn raw_exchange(request: &[u8], response: &[u8]) {
    if !is_recorded() {
        return;
    }
    let ((_, sent), (head, body)) = (halves(request), halves(response));
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let cookies: Vec<String> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .map(|(_, cookie)| cookie.to_owned())
        .collect();
    exchange(sent, status, body, &cookies);
}

/// The head and the body.
fn halves(message: &[u8]) -> (&[u8], &[u8]) {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n");
    end.map_or((message, &[]), |end| (&message[..end], &message[end + 4..]))
}

fn members(json: &[u8], names: &[&str]) -> Vec<String> {
    let Ok(Value::Object(members)) = serde_json::from_slice(json) else { return Vec::new() };
    let texts = names.iter().filter_map(|name| members.get(*name)?.as_str());
    texts.map(str::to_owned).collect()
}

/// Appends a line. Each process has its own files.
fn write(name: &'static str, text: &[u8]) {
    let Some(folder) = &*FOLDER_OF_THIS_RUN else { return };
    let mut files = FILES.lock().expect("evidence");
    let file = files.entry(name).or_insert_with(|| {
        let path = folder.join(format!("{name}.{}", process::id()));
        OpenOptions::new().create(true).append(true).open(path).expect("a folder for evidence")
    });
    file.write_all(&[text, b"\n"].concat()).expect("space for evidence");
}
