use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::request::Request;

/// What is to go wrong, and what has passed. Clones are of the same proxy.
#[derive(Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    log: Vec<Exchange>,
}

struct Rule {
    fault: Fault,
    path: String,
    /// Without a number it holds until it is lifted.
    left: Option<usize>,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server carries the request out, and the connection is cut before a byte of the answer is sent.
    LoseResponse,
    /// The server hears nothing, and the caller gets 503.
    Refuse,
    /// The server carries the request out, and its answer waits until this is lifted.
    Hold,
}

/// A request that came, and how it went on.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    pub path: String,
    /// What the server answered, whether or not the caller heard of it.
    pub status: u16,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Passed,
    Lost,
    Refused,
}

impl Faults {
    /// Spoils the next `count` requests for this path, or all until it is lifted.
    pub fn set(&self, fault: Fault, path: &str, count: Option<usize>) {
        assert_ne!(count, Some(0), "a fault that never happens");
        self.state().rules.push(Rule { fault, path: path.to_owned(), left: count });
    }

    pub fn lift(&self, fault: Fault, path: &str) {
        self.state().rules.retain(|rule| rule.fault != fault || rule.path != path);
        self.0.changed.notify_all();
    }

    /// What has passed, in the order in which the server answered.
    pub fn log(&self) -> Vec<Exchange> {
        self.state().log.clone()
    }

    /// How many requests for this path have reached the server.
    pub fn reached(&self, path: &str) -> usize {
        self.state().log.iter().filter(|one| one.path == path && one.fate != Fate::Refused).count()
    }

    pub(super) fn take(&self, fault: Fault, path: &str) -> bool {
        let mut state = self.state();
        let found = state.rules.iter().position(|rule| rule.fault == fault && rule.path == path);
        let Some(index) = found else { return false };
        if let Some(left) = &mut state.rules[index].left {
            *left -= 1;
            if *left == 0 {
                state.rules.remove(index);
            }
        }
        true
    }

    pub(super) fn record(&self, request: &Request, status: u16, fate: Fate) {
        let (method, path) = (request.method.clone(), request.path.clone());
        self.state().log.push(Exchange { method, path, status, fate });
    }

    pub(super) fn wait_while_held(&self, path: &str) {
        let held =
            |state: &mut State| state.rules.iter().any(|rule| rule.fault == Fault::Hold && rule.path == path);
        drop(self.0.changed.wait_while(self.state(), held).expect("faults"));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("faults")
    }
}
