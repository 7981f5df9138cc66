use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::rt::time::timeout;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;
use test_support::{Call as Request, NoResponse, Response, TestDatabase};

use super::history::{Call, Operation, Seen};
use super::random::Random;

/// The clock of a run, which advances at each event.
#[derive(Default)]
pub struct Time(Cell<u64>);

impl Time {
    pub fn next(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// A session that clients share, perhaps with an attacker, and their observations.
pub struct Subject {
    id: String,
    tokens: RefCell<BTreeMap<u64, String>>,
    operations: RefCell<Vec<Operation>>,
}

impl Subject {
    /// From the response to a login.
    pub fn of(login: &Response) -> Self {
        let token = login.refresh_cookie().expect("a cookie");
        let payload = token.split('.').nth(1).expect("a payload");
        let claims = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        let id = claims["sid"].as_str().expect("a session").to_owned();
        Self { id, tokens: RefCell::new(BTreeMap::from([(0, token)])), operations: RefCell::default() }
    }

    /// A token that a client received: the newest, or sometimes any.
    pub fn pick(&self, random: &mut Random, replays: u64) -> u64 {
        let tokens = self.tokens.borrow();
        let newest = *tokens.keys().next_back().expect("a token");
        if !random.chance(replays) {
            return newest;
        }
        let index = usize::try_from(random.below(tokens.len() as u64)).expect("an index");
        *tokens.keys().nth(index).expect("a token")
    }

    /// Sends it and records the result. `None` without a connection. With `patience` the client closes the connection after
    /// that time.
    pub async fn call(
        &self,
        time: &Time,
        http: &awc::Client,
        url: &str,
        call: Call,
        patience: Option<Duration>,
    ) -> Option<Seen> {
        let post = |path: &str| Request::through(http, awc::http::Method::POST, format!("{url}{path}"));
        let request = match call {
            Call::Refresh { generation, key } => {
                let request = post("/auth/refresh").cookie(&self.tokens.borrow()[&generation]);
                match key {
                    Some(key) => request.header("Idempotency-Key", &format!("key-of-the-tests-{key:010}")),
                    None => request,
                }
            }
            Call::LogOut => post("/auth/logout").cookie(&self.tokens.borrow()[&0]),
            Call::ReadRow => unreachable!("reading the row is not a request"),
        };
        let invoked = time.next();
        let response = match patience {
            Some(patience) => timeout(patience, request.try_send()).await.ok(),
            None => Some(request.try_send().await),
        };
        let returned = time.next();
        let Some(response) = response else {
            let seen = Seen::Abandoned;
            self.operations.borrow_mut().push(Operation { invoked, returned, call, seen: seen.clone() });
            return Some(seen);
        };
        let seen = match response {
            Ok(response) => self.seen(&response),
            Err(NoResponse::Unreachable) => return None,
            Err(NoResponse::BrokenOff) => Seen::NoResponse,
            Err(NoResponse::Timeout) => Seen::Unexpected("no response in time".to_owned()),
        };
        self.operations.borrow_mut().push(Operation { invoked, returned, call, seen: seen.clone() });
        Some(seen)
    }

    fn seen(&self, response: &Response) -> Seen {
        let body = response.json();
        match (response.status, body["rotation"].as_u64(), body["reason"].as_str(), response.refresh_cookie())
        {
            (200, Some(rotation), None, Some(token)) => {
                self.tokens.borrow_mut().insert(rotation, token);
                Seen::Rotation(rotation)
            }
            (401, None, Some(reason), None) if response.clears_cookie() => Seen::Ended(reason.to_owned()),
            (204, None, None, None) => Seen::LoggedOut,
            (503, None, None, None) if response.set_cookie().is_none() => Seen::Unavailable,
            _ => Seen::Unexpected(format!("{} {}", response.status, response.text())),
        }
    }

    pub fn db_read_row(&self, time: &Time, database: &TestDatabase) {
        let invoked = time.next();
        let row = database.db_text(&format!(
            "SELECT CAST(generation AS TEXT) || ' ' || COALESCE(end_reason, '') AS value FROM sessions \
             WHERE id = '{}'",
            self.id
        ));
        let (generation, reason) = row.split_once(' ').expect("two words");
        let generation = generation.parse().expect("a number");
        let ended = Some(reason).filter(|reason| !reason.is_empty()).map(str::to_owned);
        let seen = Seen::Row { generation, ended };
        let operation = Operation { invoked, returned: time.next(), call: Call::ReadRow, seen };
        self.operations.borrow_mut().push(operation);
    }

    pub fn operations(&self) -> Vec<Operation> {
        self.operations.borrow().clone()
    }
}
