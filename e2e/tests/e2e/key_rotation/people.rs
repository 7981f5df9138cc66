//! People who refresh and call an API without a pause.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::{self, task::JoinHandle, time::sleep};
use awc::Client;
use awc::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use shared_claims::Clock as _;
use shared_claims::testing::ManualClock;
use test_support::{Call, client};

use crate::stack::{Running, Stack, access_token};

/// Long enough that tokens of one key are about while the next one signs.
pub const TOKEN_LIFE: &str = "20m";
const HOW_MANY: usize = 4;

pub struct People {
    shared: Rc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    clock: ManualClock,
    servers: RefCell<Vec<String>>,
    api: String,
    stop: Cell<bool>,
    /// How many refreshes each of them has had.
    turns: RefCell<Vec<usize>>,
    accepted: Cell<u64>,
    refreshed: Cell<u64>,
    /// Which key signed the newest token of each of them.
    signers: RefCell<Vec<String>>,
    keys: RefCell<BTreeSet<String>>,
}

/// One of them, at some moment.
struct Person {
    client: Client,
    cookie: String,
    /// The newest token, and one that grows old.
    tokens: Vec<String>,
}

impl People {
    pub async fn start(stack: &Stack, servers: &[Running], api: String) -> Self {
        let shared = Rc::new(Shared {
            clock: stack.clock.clone(),
            servers: RefCell::new(servers.iter().map(|server| server.url.clone()).collect()),
            api,
            stop: Cell::default(),
            turns: RefCell::new(vec![0; HOW_MANY]),
            accepted: Cell::default(),
            refreshed: Cell::default(),
            signers: RefCell::new(vec![String::new(); HOW_MANY]),
            keys: RefCell::default(),
        });
        let mut tasks = Vec::new();
        for number in 0..HOW_MANY {
            let registered = servers[0].register(&format!("person{number}")).await;
            let person = Person {
                client: client(),
                cookie: registered.refresh_cookie().expect("a cookie"),
                tokens: vec![access_token(&registered)],
            };
            tasks.push(rt::spawn(person.live(Rc::clone(&shared), number)));
        }
        Self { shared, tasks }
    }

    /// From now on they go there instead of to the server that has this place, where nobody is any more.
    pub async fn go_to(&self, place: usize, url: &str) {
        url.clone_into(&mut self.shared.servers.borrow_mut()[place]);
        let before = self.shared.turns.borrow().clone();
        while self.shared.turns.borrow().iter().zip(&before).any(|(now, before)| now <= before) {
            self.assert_served();
            sleep(super::PAUSE).await;
        }
    }

    /// Until the newest token of everybody is signed by this key.
    pub async fn wait_until_all_have_tokens_by(&self, kid: &str) {
        for _ in 0..super::PATIENCE {
            if self.shared.signers.borrow().iter().all(|signer| signer == kid) {
                return;
            }
            self.assert_served();
            sleep(super::PAUSE).await;
        }
        panic!("key {kid} does not sign");
    }

    /// Nobody has given up.
    pub fn assert_served(&self) {
        assert!(!self.tasks.iter().any(JoinHandle::is_finished), "somebody was refused: see above");
    }

    /// What they have seen.
    pub async fn stop(self) -> String {
        self.shared.stop.set(true);
        for task in self.tasks {
            task.await.expect("nobody was refused");
        }
        let Shared { accepted, refreshed, keys, .. } = &*self.shared;
        let (accepted, refreshed, keys) = (accepted.get(), refreshed.get(), keys.borrow().len());
        format!("{accepted} calls accepted, {refreshed} refreshes, {keys} keys, no valid token refused")
    }
}

impl Person {
    async fn live(mut self, shared: Rc<Shared>, number: usize) {
        while !shared.stop.get() {
            self.call(&shared).await;
            let turn = shared.turns.borrow()[number];
            let url = shared.servers.borrow()[(number + turn) % 2].clone();
            self.refresh(&shared, &url, number).await;
            shared.turns.borrow_mut()[number] += 1;
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn call(&mut self, shared: &Shared) {
        self.tokens.retain(|token| shared.clock.now().timestamp() < expiry(token));
        for token in &self.tokens {
            let call = Call::through(&self.client, Method::GET, shared.api.clone()).bearer(token);
            let answer = call.send().await;
            // The time may have been moved meanwhile.
            if shared.clock.now().timestamp() < expiry(token) {
                assert_eq!(answer.status, 200, "{:?} {}", part(token, 0), answer.text());
                shared.accepted.set(shared.accepted.get() + 1);
            }
        }
    }

    async fn refresh(&mut self, shared: &Shared, url: &str, number: usize) {
        let call = Call::through(&self.client, Method::POST, format!("{url}/auth/refresh"));
        let answer = call.cookie(&self.cookie).send().await.assert_status(200);
        self.cookie = answer.refresh_cookie().expect("a cookie");
        let newest = access_token(&answer);
        let kid = part(&newest, 0)["kid"].as_str().expect("a kid").to_owned();
        shared.keys.borrow_mut().insert(kid.clone());
        shared.signers.borrow_mut()[number] = kid;
        shared.refreshed.set(shared.refreshed.get() + 1);
        self.tokens.truncate(1);
        self.tokens.push(newest);
    }
}

fn expiry(token: &str) -> i64 {
    part(token, 1)["exp"].as_i64().expect("a number")
}

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).expect("a token");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}
