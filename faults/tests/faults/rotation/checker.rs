//! Searches for an order of the operations that explains the observations: the algorithm of Wing and Gong, with Lowe's cache of
//! visited states.
//!
//! stateright's checker is not used: it requires a model with a single result per operation and has no cache, so a few lost
//! responses would take it too long.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::history::{Operation, Seen};
use super::model::{Rules, State};

/// An order that explains all observations.
pub struct Explanation {
    /// The number of responses with a token that had been issued before.
    pub redelivered: usize,
}

/// Fails with the history and the longest order found.
pub fn explain(rules: Rules, history: &[Operation]) -> Result<Explanation, String> {
    // Operations without any effect are left out.
    let mut operations: Vec<_> = history
        .iter()
        .filter(|operation| rules.unavailable_is_unknown || operation.seen != Seen::Unavailable)
        .cloned()
        .collect();
    for operation in &mut operations {
        if operation.seen == Seen::Unavailable {
            operation.seen = Seen::NoResponse;
        }
    }
    operations.sort_by_key(|operation| operation.invoked);
    assert!(operations.len() <= 128, "{} operations exceed the bit set", operations.len());

    let mut search = Search {
        rules,
        operations: &operations,
        dead_ends: HashSet::new(),
        order: Vec::new(),
        best: Vec::new(),
    };
    if search.can_complete(0, State::default()) {
        return Ok(search.explanation());
    }
    let best = search.best;
    let mut text = String::from("no order explains this session (the best one is numbered):\n");
    for (index, operation) in operations.iter().enumerate() {
        let position = best.iter().position(|(one, _)| *one == index).map(|position| position.to_string());
        let _ = writeln!(text, "{:>4}  {operation}", position.unwrap_or_default());
    }
    Err(text)
}

struct Search<'a> {
    rules: Rules,
    operations: &'a [Operation],
    dead_ends: HashSet<(u128, State)>,
    /// Each operation with the state before it.
    order: Vec<(usize, State)>,
    best: Vec<(usize, State)>,
}

impl Search<'_> {
    /// Whether the operations that are not yet `done` (a bit for each) can follow.
    fn can_complete(&mut self, done: u128, state: State) -> bool {
        let left = || (0..self.operations.len()).filter(|index| done & (1 << index) == 0);
        // An operation that has returned comes before those that were invoked later. One without a response never
        // returns, and may have no effect.
        let returned = left().filter(|index| !self.operations[*index].has_no_response());
        let Some(first_return) = returned.map(|index| self.operations[index].returned).min() else {
            return true;
        };
        if self.dead_ends.contains(&(done, state)) {
            return false;
        }
        let candidates: Vec<_> =
            left().filter(|index| self.operations[*index].invoked < first_return).collect();
        for index in candidates {
            let operation = &self.operations[index];
            for (seen, next) in state.outcomes(self.rules, operation) {
                let fits = match operation.seen {
                    // It must have an effect, otherwise it can be left out.
                    Seen::NoResponse | Seen::Abandoned => next != state,
                    _ => seen == operation.seen,
                };
                if !fits {
                    continue;
                }
                self.order.push((index, state));
                if self.order.len() > self.best.len() {
                    self.best.clone_from(&self.order);
                }
                if self.can_complete(done | 1 << index, next) {
                    return true;
                }
                self.order.pop();
            }
        }
        self.dead_ends.insert((done, state));
        false
    }

    fn explanation(&self) -> Explanation {
        let is_redelivery = |(index, before): &&(usize, State)| {
            self.operations[*index].seen == Seen::Rotation(before.generation)
        };
        Explanation { redelivered: self.order.iter().filter(is_redelivery).count() }
    }
}
