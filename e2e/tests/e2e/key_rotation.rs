//! Keys rotate under traffic, and no valid token is rejected. The clock advances in steps. A step ends when all servers
//! have noticed it, however slow the machine is.

mod clients;

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::{App, HttpServer, rt, web};
use chrono::TimeDelta;
use serde_json::Value;
use shared_claims::{AccessTokenValidator, Authenticated, KeySet, SharedKeys};

use crate::stack::{Running, Stack};
use clients::Clients;

/// How often a step checks whether it has ended, and how many times before it fails.
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: usize = 1200;

/// Two auth servers on one database, an API with a cache that is as old as caches may be, and clients that use all three.
struct World {
    stack: Stack,
    servers: Vec<Running>,
    /// The keys of the API, fetched only at the end of each step.
    keys: SharedKeys,
    clients: Clients,
}

impl World {
    async fn start() -> Self {
        // No server listens at the issuer's address: clients call both servers at their own.
        let stack = Stack::behind("http://auth.localhost".to_owned());
        let servers = vec![start_auth(&stack, "ES256").await, start_auth(&stack, "ES256").await];
        let keys = SharedKeys::new(key_set(&servers[0]).await);
        let validator = AccessTokenValidator::new(&stack.auth, "api", keys.clone())
            .with_clock(Arc::new(stack.clock.clone()));
        let clients = Clients::start(&stack, &servers, start_api(validator)).await;
        Self { stack, servers, keys, clients }
    }

    /// Advances the clock and waits until both servers publish the same keys, as expected. Then the API fetches them.
    async fn advance(&self, minutes: i64, expected: impl Fn(&[Published]) -> bool) -> Vec<Published> {
        self.stack.clock.advance(TimeDelta::minutes(minutes));
        for look in 1..=PATIENCE {
            // A server may have read the keys before the other created one, and reads again only when time passes.
            if look % 40 == 0 {
                self.stack.clock.advance(TimeDelta::seconds(10));
            }
            self.clients.assert_served();
            let [one, other] = [published(&self.servers[0]).await, published(&self.servers[1]).await];
            if one == other && expected(&one) {
                self.keys.replace(key_set(&self.servers[1]).await);
                return one;
            }
            sleep(PAUSE).await;
        }
        panic!("the servers do not agree on the keys");
    }

    /// One hour: 45 minutes after the last key the next one is created, and 15 minutes later it signs.
    async fn hour(&self) {
        let before = self.advance(15, |_| true).await;
        self.advance(15, |_| true).await;
        let keys = self.advance(15, |keys| keys.last() != before.last()).await;
        for _ in 0..3 {
            self.advance(5, |_| true).await;
        }
        self.clients.wait_until_all_have_tokens_by(&keys.last().expect("a key").kid).await;
    }

    /// Replaces one server after the other by one with another algorithm.
    async fn change_algorithm(&mut self, algorithm: &str) {
        let mut keys = Vec::new();
        for index in 0..2 {
            let next = start_auth(&self.stack, algorithm).await;
            self.clients.switch_server(index, &next.url).await;
            std::mem::replace(&mut self.servers[index], next).stop().await;
            keys = self.advance(1, |keys| keys.iter().any(|key| key.algorithm == algorithm)).await;
        }
        for _ in 0..3 {
            self.advance(5, |_| true).await;
        }
        let key = keys.iter().rev().find(|key| key.algorithm == algorithm).expect("a key");
        self.clients.wait_until_all_have_tokens_by(&key.kid).await;
    }
}

async fn start_auth(stack: &Stack, algorithm: &str) -> Running {
    let life = clients::TOKEN_LIFE;
    let flags = [
        ["--jwt-access-algorithm", algorithm],
        ["--signing-key-rotation", "1h"],
        ["--access-token-ttl", life],
    ];
    stack.start_auth_with(flags.as_flattened()).await
}

/// A minimal API.
fn start_api(validator: AccessTokenValidator) -> String {
    let app = move || {
        let who = async |caller: Authenticated| caller.user_id().to_owned();
        App::new().app_data(validator.clone()).route("/", web::get().to(who))
    };
    let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", server.addrs()[0]);
    rt::spawn(server.run());
    url
}

async fn key_set(server: &Running) -> KeySet {
    let set = server.get("/.well-known/jwks.json").send().await.assert_status(200);
    KeySet::parse(&set.body).expect("a key set")
}

/// A key of the published set.
#[derive(PartialEq, Eq)]
struct Published {
    kid: String,
    algorithm: String,
}

/// Oldest first.
async fn published(server: &Running) -> Vec<Published> {
    let set = server.get("/.well-known/jwks.json").send().await.assert_status(200).json();
    let keys = set["keys"].as_array().expect("keys");
    let text = |key: &Value, name: &str| key[name].as_str().expect("text").to_owned();
    keys.iter().map(|key| Published { kid: text(key, "kid"), algorithm: text(key, "alg") }).collect()
}

async fn rotations(hours: usize) {
    let world = World::start().await;
    for _ in 0..hours {
        world.hour().await;
    }
    let summary = world.clients.stop().await;
    println!("{hours} rotations: {summary}");
}

async fn algorithms(rounds: usize) {
    let mut world = World::start().await;
    for _ in 0..rounds {
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            world.change_algorithm(algorithm).await;
        }
    }
    let summary = world.clients.stop().await;
    println!("{} changes of the algorithm: {summary}", 3 * rounds);
}

#[actix_web::test]
async fn no_valid_token_is_rejected_while_keys_rotate() {
    rotations(2).await;
}

#[actix_web::test]
async fn no_valid_token_is_rejected_while_the_algorithm_changes() {
    algorithms(1).await;
}

#[actix_web::test]
#[ignore = "long: twenty rotations"]
async fn no_valid_token_is_rejected_in_twenty_rotations() {
    rotations(20).await;
}

#[actix_web::test]
#[ignore = "long: twelve changes of the algorithm"]
async fn no_valid_token_is_rejected_in_twelve_changes_of_the_algorithm() {
    algorithms(4).await;
}
