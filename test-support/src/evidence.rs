//! What a run of the tests leaves behind, for scripts/leaks.sh to search: the secrets that were used, and everything that
//! one could have leaked to. Nothing is kept unless `LATCHKEY_TEST_EVIDENCE` names a folder.

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

/// Shorter ones are found by chance.
const SHORTEST: usize = 12;

static FOLDER_OF_THIS_RUN: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| env::var_os(FOLDER).map(PathBuf::from));
static FILES: Mutex<BTreeMap<&str, File>> = Mutex::new(BTreeMap::new());

/// Where a secret must never be found.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    Log,
    Database,
    Error,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Database => "database",
            Self::Error => "error",
        }
    }
}

/// Whether anybody wants it.
pub fn is_kept() -> bool {
    FOLDER_OF_THIS_RUN.is_some()
}

/// Keeps a secret that is in use, in each spelling in which it could be printed.
pub fn secret(text: &str) {
    if text.len() < SHORTEST || !is_kept() {
        return;
    }
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    let spellings = [text.to_owned(), crate::hex(text), STANDARD.encode(text), bytes.join(", ")];
    write("secret", spellings.join("\n").as_bytes());
}

/// Keeps a token's signature, without which it is worth nothing, and the session's secret in a refresh token.
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

/// Keeps what a secret must not be in.
pub fn exposed(place: Place, text: &[u8]) {
    write(place.name(), text);
}

/// Keeps what went over the wire: the passwords of a request that were not merely refused for their form, the tokens of
/// an answer, and the whole answer if it is an error.
pub fn exchange(request: &[u8], status: u16, answer: &[u8], cookies: &[String]) {
    if !is_kept() {
        return;
    }
    if status < 300 || status == 401 {
        for password in members(request, &["password", "current_password", "new_password"]) {
            secret(&password);
        }
    }
    if status >= 400 {
        exposed(Place::Error, answer);
    }
    for text in members(answer, &["access_token", "refresh_token"]) {
        token(&text);
    }
    for text in members(answer, &["csrf_token"]) {
        secret(&text);
    }
    for cookie in cookies {
        let value = cookie.split(';').next().and_then(|pair| pair.split_once('='));
        if let Some((_, value)) = value {
            token(value);
        }
    }
}

/// The same of two messages as they were on the wire.
pub fn raw_exchange(request: &[u8], answer: &[u8]) {
    if !is_kept() {
        return;
    }
    let ((_, asked), (head, answered)) = (halves(request), halves(answer));
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let cookies: Vec<String> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .map(|(_, cookie)| cookie.to_owned())
        .collect();
    exchange(asked, status, answered, &cookies);
}

/// Head and body.
fn halves(message: &[u8]) -> (&[u8], &[u8]) {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n");
    end.map_or((message, &[]), |end| (&message[..end], &message[end + 4..]))
}

fn members(json: &[u8], names: &[&str]) -> Vec<String> {
    let Ok(Value::Object(members)) = serde_json::from_slice(json) else { return Vec::new() };
    let texts = names.iter().filter_map(|name| members.get(*name)?.as_str());
    texts.map(str::to_owned).collect()
}

/// Appends a line. Each process has files of its own.
fn write(name: &'static str, text: &[u8]) {
    let Some(folder) = &*FOLDER_OF_THIS_RUN else { return };
    let mut files = FILES.lock().expect("evidence");
    let file = files.entry(name).or_insert_with(|| {
        let path = folder.join(format!("{name}.{}", process::id()));
        OpenOptions::new().create(true).append(true).open(path).expect("a folder for the evidence")
    });
    file.write_all(&[text, b"\n"].concat()).expect("room for the evidence");
}
