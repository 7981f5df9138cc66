//! Rotation is linearizable and survives crashes: under races, lost responses and kills, the clients of a session observe what
//! some sequential order of their calls explains.
//!
//! `traffic` lets clients refresh, and `history` records what they observe. `checker` searches for an order that `model` allows.
//! `promises` are tests over all runs, and `controls` breaks the server to show that they would fail.

mod between_commit_and_response;
mod checker;
mod checker_tests;
mod controls;
mod crashes;
mod failovers;
mod history;
mod model;
mod promises;
mod random;
mod runs;
mod subject;
mod traffic;
