//! Rotation is linearizable, and survives crashes: whatever races, gets lost or is killed, what the clients of a
//! session saw is what they would have seen one after the other.
//!
//! `traffic` has clients refresh, and `history` notes what they saw; `checker` looks for an order of it that `model`
//! allows; `promises` are tests over all runs, and `controls` breaks the server to see that they would fail.

mod between_commit_and_answer;
mod checker;
mod controls;
mod crashes;
mod history;
mod model;
mod promises;
mod random;
mod runs;
mod subject;
mod traffic;
mod verdicts;
