//! What a request for a mail reveals about an address: nothing, not even the number of statements.

use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{Call, Response};

use crate::app::{PASSWORD, TestApp};
use crate::mailbox::MailApp;
use crate::statements;

const NEW: &str = "seven quiet maps paint an otter";

/// Everything about a response and its cost that a client or the database could compare.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trace {
    status: u16,
    /// With random values replaced by their lengths.
    body: Value,
    headers: Vec<(String, String)>,
    statements: Vec<String>,
}

impl Trace {
    fn of(response: &Response) -> Self {
        let mut body = response.json();
        if let Some(continuation) = body.get_mut("continuation") {
            *continuation = json!(continuation.as_str().expect("a text").len());
        }
        let id = response.header("x-request-id").expect("an id");
        let mut headers: Vec<(String, String)> = response
            .headers
            .iter()
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
            .collect();
        headers.sort();
        Self { status: response.status, body, headers, statements: statements::of(id) }
    }
}

/// A request with an id, so that its statements are recorded.
fn call(app: &TestApp, path: &str, body: &Value) -> Call {
    let id = format!("{}{}", statements::ID, uuid::Uuid::new_v4().simple());
    app.post(path).header("x-request-id", &id).json(body)
}

async fn post(app: &TestApp, path: &str, body: &Value) -> Response {
    call(app, path, body).send().await
}

async fn forgot(app: &TestApp, email: &str) -> Response {
    post(app, "/auth/password/forgot", &json!({"email": email})).await
}

async fn register(app: &TestApp, email: &str) -> Response {
    post(app, "/auth/register", &json!({"email": email, "password": PASSWORD})).await
}

async fn wrong_code(app: &TestApp, path: &str, continuation: &Value) -> Response {
    let mut body = json!({"continuation": continuation, "code": "00000000"});
    if path == "/auth/password/reset" {
        body["new_password"] = json!(NEW);
    }
    post(app, path, &body).await
}

#[actix_web::test]
async fn requests_for_known_and_unknown_addresses_run_the_same_statements() {
    compare(10).await;
}

#[ignore = "long: 2 × 500 requests"]
#[actix_web::test]
async fn five_hundred_requests_for_known_and_unknown_addresses_run_the_same_statements() {
    compare(500).await;
}

async fn compare(count: usize) {
    statements::record();
    let app = MailApp::with(&[
        "--email-verification",
        "required",
        "--login-rate-per-ip",
        "1000000",
        "--mail-rate-per-ip",
        "1000000",
        "--trusted-proxies",
        "127.0.0.1",
    ])
    .await;
    let open = app.another_with(&["--login-rate-per-ip", "1000000"]).await.expect("a server");
    let pairs: Vec<[String; 2]> = (0..count)
        .map(|number| ["known", "unknown"].map(|name| format!("{name}{number}@example.org")))
        .collect();
    for number in 0..count {
        open.register(&format!("known{number}")).await;
    }
    open.stop().await;
    let mut first = Compared::default();
    for (kind, path) in [("forgotten", "/auth/password/reset"), ("register", "/auth/register/confirm")] {
        let request = async |email: &str| match kind {
            "forgotten" => forgot(&app, email).await,
            _ => register(&app, email).await,
        };
        let mut continuations = Vec::new();
        for [known, unknown] in &pairs {
            let responses = [request(known).await, request(unknown).await];
            first.compare(kind, 202, &responses);
            continuations.push(responses.map(|response| response.json()["continuation"].clone()));
            let again = [request(known).await, request(unknown).await];
            first.compare(&format!("{kind}, too early"), 429, &again);
        }
        app.settle().await;
        for [known, unknown] in &continuations {
            let responses = [wrong_code(&app, path, known).await, wrong_code(&app, path, unknown).await];
            first.compare(&format!("{kind}, wrong code"), 401, &responses);
        }
        app.advance(TimeDelta::minutes(2));
    }
    println!("{first}");
}

#[actix_web::test]
async fn changes_to_free_and_taken_addresses_run_the_same_statements() {
    statements::record();
    let app = MailApp::with(&["--trusted-proxies", "127.0.0.1"]).await;
    let mut first = Compared::default();
    let mut proofs = Vec::new();
    for number in 0..3 {
        let [ann, bob, taken] = ["ann", "bob", "taken"].map(|name| format!("{name}{number}"));
        app.register(&taken).await;
        let users = [(ann, taken), (bob, format!("free{number}"))];
        let mut responses = Vec::new();
        for (user, address) in users {
            let session = app.register(&user).await;
            let body = json!({"email": format!("{address}@example.org")});
            let response = call(&app, "/auth/email", &body).cookie(&session.refresh_token).send().await;
            proofs.push((session, response.json()["continuation"].clone()));
            responses.push(response);
        }
        first.compare("change", 202, &responses);
    }
    app.settle().await;
    for (session, continuation) in &proofs {
        let body = json!({"continuation": continuation, "code": "00000000"});
        let call = call(&app, "/auth/email/confirm", &body).cookie(&session.refresh_token);
        first.compare("change, wrong code", 401, &[call.send().await]);
    }
    println!("{first}");
}

/// The first trace of each kind of request.
#[derive(Default)]
struct Compared(BTreeMap<String, Trace>);

impl Compared {
    /// These responses, and all of this kind, have the same trace.
    fn compare(&mut self, kind: &str, status: u16, responses: &[Response]) {
        for response in responses {
            let trace = Trace::of(response);
            assert_eq!(trace.status, status, "{kind}: {}", response.text());
            assert!(!trace.statements.is_empty(), "{kind}: no statement was recorded");
            assert_eq!(&trace, self.0.entry(kind.to_owned()).or_insert_with(|| trace.clone()), "{kind}");
        }
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(kind, trace)| {
            writeln!(f, "{kind}: {}, {} statements", trace.status, trace.statements.len())
        })
    }
}
