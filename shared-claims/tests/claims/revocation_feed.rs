//! A resource server listens to an auth server, which may be behind, or of no use at all.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_claims::revocation_feed::{FeedError, FeedOptions, RevocationFeed};

use crate::issuer::{eventually, free_listener};

const ENDED: &str = "97bcc65a-8b5d-4d33-a0f6-4d06a4c8b6b1";

/// Says what it is told to say, and keeps what it was asked.
#[derive(Clone, Default)]
struct Feed {
    answer: Arc<Mutex<(u16, String)>>,
    questions: Arc<Mutex<Vec<String>>>,
}

impl Feed {
    fn start() -> (Self, RevocationFeed) {
        Self::start_with(FeedOptions::default())
    }

    fn start_with(options: FeedOptions) -> (Self, RevocationFeed) {
        let feed = Self::default();
        feed.say(&snapshot("a.1", &[]));
        let listener = free_listener();
        let address = listener.local_addr().expect("an address");
        let shared = feed.clone();
        let app =
            move || App::new().app_data(web::Data::new(shared.clone())).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("a listener");
        rt::spawn(server.run());
        let url = format!("http://{address}/revocations").parse().expect("a URL");
        let options = FeedOptions { retry_interval: Duration::from_millis(1), ..options };
        let heard = RevocationFeed::spawn(url, &SecretString::from("token"), None, options);
        (feed, heard)
    }

    fn say(&self, page: &Value) {
        self.answer_with(200, &page.to_string());
    }

    fn answer_with(&self, status: u16, body: &str) {
        *self.answer.lock().expect("an answer") = (status, body.to_owned());
    }

    /// What it was asked since it was last [heard](Self::is_heard).
    fn questions(&self) -> Vec<String> {
        self.questions.lock().expect("questions").clone()
    }

    /// Waits until it was asked, answered, and asked again: then the first answer is known.
    async fn is_heard(&self) {
        self.questions.lock().expect("questions").clear();
        eventually("two questions", || self.questions().len() > 2).await;
    }
}

async fn answer(request: HttpRequest, feed: web::Data<Feed>) -> HttpResponse {
    // A question a millisecond is enough.
    rt::time::sleep(Duration::from_millis(1)).await;
    feed.questions.lock().expect("questions").push(request.query_string().to_owned());
    let (status, body) = feed.answer.lock().expect("an answer").clone();
    HttpResponse::build(status.try_into().expect("a status")).body(body)
}

fn snapshot(cursor: &str, sids: &[&str]) -> Value {
    let sessions: Vec<_> =
        sids.iter().map(|sid| json!({"sid": sid, "until": "2100-01-01T00:00:00Z"})).collect();
    json!({"cursor": cursor, "snapshot": true, "sessions": sessions, "users": [], "keys": []})
}

/// Behind a load balancer another server may answer, that has not heard yet.
#[actix_web::test]
async fn a_server_that_is_behind_lets_nobody_in_again() {
    let (feed, heard) = Feed::start();
    feed.say(&snapshot("a.5", &[ENDED]));
    feed.is_heard().await;
    assert_eq!(heard.revocations().len(), 1);
    feed.say(&snapshot("a.4", &[]));
    feed.is_heard().await;
    assert_eq!(heard.revocations().len(), 1);
    // Where it has caught up it is believed, and so is one whose database was restored.
    feed.say(&snapshot("a.5", &[]));
    feed.is_heard().await;
    assert!(heard.revocations().is_empty());
    feed.say(&snapshot("a.9", &[ENDED]));
    feed.is_heard().await;
    feed.say(&snapshot("b.1", &[]));
    feed.is_heard().await;
    assert!(heard.revocations().is_empty());
}

#[actix_web::test]
async fn everything_is_asked_for_now_and_then_and_else_what_is_new() {
    let (feed, heard) = Feed::start();
    feed.is_heard().await;
    let asked = feed.questions();
    assert!(asked.iter().skip(1).all(|question| question == "wait=1&after=a.1"), "{asked:?}");
    drop(heard);

    let (feed, heard) = Feed::start_with(FeedOptions {
        snapshot_interval: Duration::from_millis(20),
        ..FeedOptions::default()
    });
    let mut nothing_new = snapshot("a.1", &[]);
    nothing_new["snapshot"] = json!(false);
    eventually("a question for what is new", || feed.questions().len() > 1).await;
    feed.say(&nothing_new);
    let everything_again = || feed.questions().iter().skip(2).any(|question| question == "wait=1");
    eventually("another question for everything", everything_again).await;
    // Should that be too much to be had, what is new is asked for all the same.
    feed.answer_with(500, "");
    feed.is_heard().await;
    eventually("a question for what is new", || feed.questions().iter().any(|one| one != "wait=1")).await;
    drop(heard);
}

#[actix_web::test]
async fn what_was_heard_stays_while_nothing_is_and_why_is_told() {
    let (feed, heard) = Feed::start();
    feed.say(&snapshot("a.1", &[ENDED]));
    feed.is_heard().await;
    assert_eq!((heard.status().last_error, heard.status().failures), (None, 0));
    let answers = [
        (401, "", FeedError::Unauthorized),
        (404, "", FeedError::NotFound),
        (500, "", FeedError::InvalidResponse),
        (302, "", FeedError::InvalidResponse),
        (200, "nonsense", FeedError::InvalidResponse),
        (200, r#"{"cursor":"a.2","snapshot":true,"sessions":[]}"#, FeedError::InvalidResponse),
    ];
    for (status, body, error) in answers {
        let failures = heard.status().failures;
        feed.answer_with(status, body);
        feed.is_heard().await;
        assert_eq!(heard.status().last_error, Some(error), "{status} {body}");
        assert!(heard.status().failures > failures);
        assert_eq!(heard.revocations().len(), 1);
    }
    feed.say(&snapshot("a.2", &[]));
    feed.is_heard().await;
    assert_eq!(heard.status().last_error, None);
    assert!(heard.revocations().is_empty());
}
