//! The revocation feed of an auth server that can be behind or unusable.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_claims::revocation_feed::{FeedError, FeedOptions, RevocationFeed};

use crate::issuer::{eventually, free_listener};

const ENDED: &str = "97bcc65a-8b5d-4d33-a0f6-4d06a4c8b6b1";

/// A feed with a configurable response that records the queries of its requests.
#[derive(Clone, Default)]
struct Feed {
    response: Arc<Mutex<(u16, String)>>,
    queries: Arc<Mutex<Vec<String>>>,
}

impl Feed {
    fn start() -> (Self, RevocationFeed) {
        Self::start_with(FeedOptions::default())
    }

    fn start_with(options: FeedOptions) -> (Self, RevocationFeed) {
        let feed = Self::default();
        feed.publish(&snapshot("a.1", &[]));
        let listener = free_listener();
        let address = listener.local_addr().expect("an address");
        let shared = feed.clone();
        let app =
            move || App::new().app_data(web::Data::new(shared.clone())).default_service(web::to(respond));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("a listener");
        rt::spawn(server.run());
        let url = format!("http://{address}/revocations").parse().expect("a URL");
        let options = FeedOptions { retry_interval: Duration::from_millis(1), ..options };
        let feed_client = RevocationFeed::spawn(url, &SecretString::from("token"), None, options);
        (feed, feed_client)
    }

    fn publish(&self, page: &Value) {
        self.respond_with(200, &page.to_string());
    }

    fn respond_with(&self, status: u16, body: &str) {
        *self.response.lock().expect("a response") = (status, body.to_owned());
    }

    /// The queries since the last [`is_applied`](Self::is_applied).
    fn queries(&self) -> Vec<String> {
        self.queries.lock().expect("queries").clone()
    }

    /// Waits for a later request: by then the client has applied the current response.
    async fn is_applied(&self) {
        self.queries.lock().expect("queries").clear();
        eventually("two requests", || self.queries().len() > 2).await;
    }
}

async fn respond(request: HttpRequest, feed: web::Data<Feed>) -> HttpResponse {
    // One request per millisecond is enough.
    rt::time::sleep(Duration::from_millis(1)).await;
    feed.queries.lock().expect("queries").push(request.query_string().to_owned());
    let (status, body) = feed.response.lock().expect("a response").clone();
    HttpResponse::build(status.try_into().expect("a status")).body(body)
}

fn snapshot(cursor: &str, sids: &[&str]) -> Value {
    let sessions: Vec<_> =
        sids.iter().map(|sid| json!({"sid": sid, "until": "2100-01-01T00:00:00Z"})).collect();
    json!({"cursor": cursor, "snapshot": true, "sessions": sessions, "users": [], "keys": []})
}

/// Behind a load balancer, a server that is behind can respond.
#[actix_web::test]
async fn a_snapshot_that_is_older_is_ignored() {
    let (feed, feed_client) = Feed::start();
    feed.publish(&snapshot("a.5", &[ENDED]));
    feed.is_applied().await;
    assert_eq!(feed_client.revocations().len(), 1);
    feed.publish(&snapshot("a.4", &[]));
    feed.is_applied().await;
    assert_eq!(feed_client.revocations().len(), 1);
    // A server that has caught up counts, and so does one with a restored database.
    feed.publish(&snapshot("a.5", &[]));
    feed.is_applied().await;
    assert!(feed_client.revocations().is_empty());
    feed.publish(&snapshot("a.9", &[ENDED]));
    feed.is_applied().await;
    feed.publish(&snapshot("b.1", &[]));
    feed.is_applied().await;
    assert!(feed_client.revocations().is_empty());
}

#[actix_web::test]
async fn the_client_requests_changes_and_a_snapshot_at_intervals() {
    let (feed, feed_client) = Feed::start();
    feed.is_applied().await;
    let queries = feed.queries();
    assert!(queries.iter().skip(1).all(|query| query == "wait=1&after=a.1"), "{queries:?}");
    drop(feed_client);

    let (feed, feed_client) = Feed::start_with(FeedOptions {
        snapshot_interval: Duration::from_millis(20),
        ..FeedOptions::default()
    });
    let mut nothing_new = snapshot("a.1", &[]);
    nothing_new["snapshot"] = json!(false);
    eventually("a request for changes", || feed.queries().len() > 1).await;
    feed.publish(&nothing_new);
    let snapshot_requested = || feed.queries().iter().skip(2).any(|query| query == "wait=1");
    eventually("a request for a snapshot", snapshot_requested).await;
    // If the snapshot fails, the client requests changes.
    feed.respond_with(500, "");
    feed.is_applied().await;
    eventually("a request for changes", || feed.queries().iter().any(|one| one != "wait=1")).await;
    drop(feed_client);
}

#[actix_web::test]
async fn the_first_page_must_be_a_snapshot() {
    let (feed, feed_client) = Feed::start();
    let mut changes = snapshot("a.7", &[ENDED]);
    changes["snapshot"] = json!(false);
    feed.publish(&changes);
    feed.is_applied().await;
    assert_eq!(feed_client.status().last_error, Some(FeedError::InvalidResponse));
    assert_eq!(feed_client.revocations().updated_at(), None);
    feed.publish(&snapshot("a.7", &[ENDED]));
    feed.is_applied().await;
    assert_eq!(feed_client.revocations().len(), 1);
}

#[actix_web::test]
async fn failures_are_reported_and_keep_the_list() {
    let (feed, feed_client) = Feed::start();
    feed.publish(&snapshot("a.1", &[ENDED]));
    feed.is_applied().await;
    assert_eq!((feed_client.status().last_error, feed_client.status().failures), (None, 0));
    let responses = [
        (401, "", FeedError::Unauthorized),
        (404, "", FeedError::NotFound),
        (500, "", FeedError::InvalidResponse),
        (302, "", FeedError::InvalidResponse),
        (200, "nonsense", FeedError::InvalidResponse),
        (200, r#"{"cursor":"a.2","snapshot":true,"sessions":[]}"#, FeedError::InvalidResponse),
    ];
    for (status, body, error) in responses {
        let failures = feed_client.status().failures;
        feed.respond_with(status, body);
        feed.is_applied().await;
        assert_eq!(feed_client.status().last_error, Some(error), "{status} {body}");
        assert!(feed_client.status().failures > failures);
        assert_eq!(feed_client.revocations().len(), 1);
    }
    feed.publish(&snapshot("a.2", &[]));
    feed.is_applied().await;
    assert_eq!(feed_client.status().last_error, None);
    assert!(feed_client.revocations().is_empty());
}
