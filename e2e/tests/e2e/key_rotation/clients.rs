//! Clients that refresh and call an API without a pause.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::{self, task::JoinHandle, time::sleep};
use awc::Client;
use awc::http::Method;
use shared_claims::Clock as _;
use shared_claims::testing::ManualClock;
use test_support::{Call, claims, client, token_header};

use crate::stack::{Running, Stack, access_token};

/// Long enough that tokens of one key are still valid while the next one signs.
pub const TOKEN_LIFE: &str = "20m";
const CLIENTS: usize = 4;

pub struct Clients {
    shared: Rc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    clock: ManualClock,
    servers: RefCell<Vec<String>>,
    api: String,
    stop: Cell<bool>,
    /// The number of refreshes of each client.
    refreshes: RefCell<Vec<usize>>,
    accepted: Cell<u64>,
    refreshed: Cell<u64>,
    /// The key that signed the newest token of each client.
    signers: RefCell<Vec<String>>,
    keys: RefCell<BTreeSet<String>>,
}

struct TokenClient {
    client: Client,
    cookie: String,
    /// The newest token and an older one.
    tokens: Vec<String>,
}

impl Clients {
    pub async fn start(stack: &Stack, servers: &[Running], api: String) -> Self {
        let shared = Rc::new(Shared {
            clock: stack.clock.clone(),
            servers: RefCell::new(servers.iter().map(|server| server.url.clone()).collect()),
            api,
            stop: Cell::default(),
            refreshes: RefCell::new(vec![0; CLIENTS]),
            accepted: Cell::default(),
            refreshed: Cell::default(),
            signers: RefCell::new(vec![String::new(); CLIENTS]),
            keys: RefCell::default(),
        });
        let mut tasks = Vec::new();
        for number in 0..CLIENTS {
            let registered = servers[0].register(&format!("client{number}")).await;
            let token_client = TokenClient {
                client: client(),
                cookie: registered.refresh_cookie().expect("a cookie"),
                tokens: vec![access_token(&registered)],
            };
            tasks.push(rt::spawn(token_client.run(Rc::clone(&shared), number)));
        }
        Self { shared, tasks }
    }

    /// Makes all clients use this URL instead of the server with this index, and waits until none uses that one.
    pub async fn switch_server(&self, index: usize, url: &str) {
        url.clone_into(&mut self.shared.servers.borrow_mut()[index]);
        let before = self.shared.refreshes.borrow().clone();
        while self.shared.refreshes.borrow().iter().zip(&before).any(|(now, before)| now <= before) {
            self.assert_served();
            sleep(super::PAUSE).await;
        }
    }

    /// Waits until this key has signed the newest token of each client.
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

    /// Fails if a client has stopped.
    pub fn assert_served(&self) {
        assert!(!self.tasks.iter().any(JoinHandle::is_finished), "a client was rejected: see above");
    }

    /// Stops the clients and returns a summary.
    pub async fn stop(self) -> String {
        self.shared.stop.set(true);
        for task in self.tasks {
            task.await.expect("no client was rejected");
        }
        let Shared { accepted, refreshed, keys, .. } = &*self.shared;
        let (accepted, refreshed, keys) = (accepted.get(), refreshed.get(), keys.borrow().len());
        format!("{accepted} calls accepted, {refreshed} refreshes, {keys} keys, no valid token rejected")
    }
}

impl TokenClient {
    async fn run(mut self, shared: Rc<Shared>, number: usize) {
        while !shared.stop.get() {
            self.call(&shared).await;
            let count = shared.refreshes.borrow()[number];
            let url = shared.servers.borrow()[(number + count) % 2].clone();
            self.refresh(&shared, &url, number).await;
            shared.refreshes.borrow_mut()[number] += 1;
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn call(&mut self, shared: &Shared) {
        self.tokens.retain(|token| shared.clock.now().timestamp() < expiry(token));
        for token in &self.tokens {
            let call = Call::through(&self.client, Method::GET, shared.api.clone()).bearer(token);
            let response = call.send().await;
            // The clock may have advanced meanwhile.
            if shared.clock.now().timestamp() < expiry(token) {
                assert_eq!(response.status, 200, "{:?} {}", token_header(token), response.text());
                shared.accepted.set(shared.accepted.get() + 1);
            }
        }
    }

    async fn refresh(&mut self, shared: &Shared, url: &str, number: usize) {
        let call = Call::through(&self.client, Method::POST, format!("{url}/auth/refresh"));
        let response = call.cookie(&self.cookie).send().await.assert_status(200);
        self.cookie = response.refresh_cookie().expect("a cookie");
        let newest = access_token(&response);
        let kid = token_header(&newest)["kid"].as_str().expect("a kid").to_owned();
        shared.keys.borrow_mut().insert(kid.clone());
        shared.signers.borrow_mut()[number] = kid;
        shared.refreshed.set(shared.refreshed.get() + 1);
        self.tokens.truncate(1);
        self.tokens.push(newest);
    }
}

fn expiry(token: &str) -> i64 {
    claims(token)["exp"].as_i64().expect("a number")
}
