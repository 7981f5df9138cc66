use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::request::Request;

/// The faults to cause, and the log of requests. Clones share their state.
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
    /// `None`: until the fault is lifted.
    left: Option<usize>,
}

/// What the proxy does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server processes the request, and the client's connection is closed without a response.
    LoseResponse,
    /// The request is not forwarded, and the client gets 503.
    Reject,
    /// The server processes the request, and the response waits until this is lifted.
    Hold,
}

/// A request and its fate.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    pub path: String,
    /// The server's response, whether or not the client received it.
    pub status: u16,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Passed,
    Lost,
    Rejected,
}

impl Faults {
    /// Causes the fault for the next `count` requests for this path, or for all until it is lifted.
    pub fn set(&self, fault: Fault, path: &str, count: Option<usize>) {
        assert_ne!(count, Some(0), "a fault that never happens");
        self.state().rules.push(Rule { fault, path: path.to_owned(), left: count });
    }

    pub fn lift(&self, fault: Fault, path: &str) {
        self.state().rules.retain(|rule| rule.fault != fault || rule.path != path);
        self.0.changed.notify_all();
    }

    /// All requests, in the order of the server's responses.
    pub fn log(&self) -> Vec<Exchange> {
        self.state().log.clone()
    }

    /// How many requests for this path have reached the server.
    pub fn reached(&self, path: &str) -> usize {
        self.state().log.iter().filter(|one| one.path == path && one.fate != Fate::Rejected).count()
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
