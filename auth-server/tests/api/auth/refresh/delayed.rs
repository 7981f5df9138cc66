//! Requests that wait while their own client gives up, asks again and goes on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{PASSWORD, Session, TestApp};

const KEY: &str = "0123456789abcdefghijklmnop";
const OTHER_KEY: &str = "another-key-of-26-letters_";
/// Past the grace of ten seconds.
const LATER: TimeDelta = TimeDelta::seconds(11);

/// A request whose body has not been sent yet.
struct Waiting {
    connection: TcpStream,
    body: String,
}

impl Waiting {
    /// Sends the head, and returns once the request has arrived.
    fn begin(app: &TestApp, path: &str, token: &str, body: &Value) -> Self {
        let address = app.url.strip_prefix("http://").expect("plain HTTP");
        let mut connection = TcpStream::connect(address).expect("a connection");
        connection.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nCookie: __Host-refresh_token={token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).expect("sent");
        let mut interim = [0; 25];
        connection.read_exact(&mut interim).expect("an interim response");
        assert!(interim.starts_with(b"HTTP/1.1 100"), "{interim:?}");
        Self { connection, body }
    }

    /// Sends the body, and returns the status, the headers and the body of the response.
    fn finish(mut self) -> (u16, String, Value) {
        self.connection.write_all(self.body.as_bytes()).expect("sent");
        let mut response = String::new();
        self.connection.read_to_string(&mut response).expect("a response");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, head.to_lowercase(), serde_json::from_str(body).expect("JSON"))
    }
}

fn assert_no_verdict((status, head, body): (u16, String, Value)) {
    assert_eq!((status, &body["code"]), (503, &json!("unavailable")), "{body}");
    assert!(head.contains("retry-after") && !head.contains("set-cookie"), "{head}");
}

#[actix_web::test]
async fn a_refresh_that_arrived_before_the_last_rotation_ends_nothing() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let once = Waiting::begin(&app, "/auth/refresh", &first.refresh_token, &json!({}));
    let twice = Waiting::begin(&app, "/auth/refresh", &first.refresh_token, &json!({}));
    app.advance(TimeDelta::seconds(1));
    let second = Session::of(&app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200));
    app.advance(LATER);
    assert_no_verdict(once.finish());

    let third = Session::of(&app.refresh_with_key(&second.refresh_token, OTHER_KEY).await.assert_status(200));
    assert_no_verdict(twice.finish());
    app.refresh(&third.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_call_in_a_session_that_arrived_before_the_last_rotation_ends_nothing() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let waiting =
        Waiting::begin(&app, "/auth/reauthenticate", &first.refresh_token, &json!({"password": PASSWORD}));
    app.advance(TimeDelta::seconds(1));
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    let third = Session::of(&app.refresh(&second.refresh_token).await.assert_status(200));
    assert_no_verdict(waiting.finish());
    app.refresh(&third.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_refresh_that_arrived_before_a_new_password_ends_nothing() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let waiting = Waiting::begin(&app, "/auth/refresh", &first.refresh_token, &json!({}));
    app.advance(TimeDelta::seconds(1));
    let change = json!({"current_password": PASSWORD, "new_password": "an entirely different staple"});
    let call = app.post("/auth/password").cookie(&first.refresh_token).json(&change);
    let changed = Session::of(&call.send().await.assert_status(200));
    app.advance(LATER);
    assert_no_verdict(waiting.finish());
    app.refresh(&changed.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn control_a_request_that_arrives_after_the_rotation_is_reuse() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.refresh(&second.refresh_token).await.assert_status(200);
    app.advance(TimeDelta::seconds(1));
    let waiting = Waiting::begin(&app, "/auth/refresh", &first.refresh_token, &json!({}));
    app.advance(TimeDelta::seconds(1));
    let (status, _, body) = waiting.finish();
    assert_eq!((status, &body["reason"]), (401, &json!("reuse_detected")));
}

/// Sends a request without a body, and hangs up when it must have arrived.
async fn hang_up(app: &TestApp, path: &str, token: &str) {
    let address = app.url.strip_prefix("http://").expect("plain HTTP");
    let mut connection = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nCookie: __Host-refresh_token={token}\r\nContent-Length: 0\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).expect("sent");
    sleep(Duration::from_millis(200)).await;
    drop(connection);
    sleep(Duration::from_millis(200)).await;
}

#[actix_web::test]
async fn a_waiting_refresh_is_dropped_when_its_client_hangs_up_and_a_logout_is_not() {
    let app = TestApp::start().await;
    if app.database.is_postgres() {
        // Each request waits for its own row there. Nothing waits long in a queue.
        return;
    }
    let (first, second, ended) =
        (app.register("ann").await, app.register("bob").await, app.register("eve").await);
    let other_writer = app.database.db_begin("UPDATE users SET name = 'Anne'");
    // The first one waits for the lock, and the others wait for the first one.
    hang_up(&app, "/auth/refresh", &first.refresh_token).await;
    hang_up(&app, "/auth/refresh", &second.refresh_token).await;
    hang_up(&app, "/auth/logout", &ended.refresh_token).await;
    other_writer.commit();

    app.refresh(&ended.refresh_token).await.assert_ended("logged_out");
    let generation = |session: &Session| {
        let of_user = format!("WHERE user_id = '{}'", session.user_id);
        app.database.db_text(&format!("SELECT CAST(generation AS TEXT) AS value FROM sessions {of_user}"))
    };
    assert_eq!((generation(&first), generation(&second)), ("0".to_owned(), "0".to_owned()));
    app.refresh(&second.refresh_token).await.assert_status(200);
}
