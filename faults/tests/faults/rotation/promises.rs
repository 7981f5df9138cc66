//! Tests of what is promised for every session, over all runs. All but the first do not use the model, so that an error in it
//! cannot hide an error in the servers.

use super::checker::explain;
use super::history::{Call, Operation, REUSE, Seen};
use super::model::Grace;
use super::runs::{self, Run};
use super::traffic::Session;

pub type Promise = fn(&Run, &Session) -> Result<(), String>;

pub const PROMISES: [Promise; 6] =
    [linearizable, one_lineage, acknowledged, lost_responses, final_end, no_verdict];

/// Tests all promises for a run.
pub fn assert_all(run: &Run) {
    for promise in PROMISES {
        assert_kept(run, promise);
    }
    assert!(run.alarms.is_empty(), "{run}\n{:?}", run.alarms);
}

pub fn broken(run: &Run, promise: Promise) -> Vec<String> {
    run.sessions.iter().filter_map(|session| promise(run, session).err()).collect()
}

fn assert_kept(run: &Run, promise: Promise) {
    let broken = broken(run, promise);
    assert!(broken.is_empty(), "{run}\n{} sessions, among them {}", broken.len(), broken[0]);
}

fn assert_kept_in_all(promise: Promise) {
    for run in runs::all() {
        assert_kept(run, promise);
    }
}

#[test]
fn every_history_is_linearizable() {
    assert_kept_in_all(linearizable);
}

#[test]
fn at_most_one_lineage_is_active() {
    assert_kept_in_all(one_lineage);
}

#[test]
fn an_acknowledged_rotation_survives_kill_9() {
    assert_kept_in_all(acknowledged);
}

#[test]
fn a_lost_response_never_ends_the_session_of_a_client_with_keys() {
    assert_kept_in_all(lost_responses);
}

#[test]
fn reuse_is_final() {
    assert_kept_in_all(final_end);
}

#[test]
fn during_an_outage_every_response_is_503() {
    assert_kept_in_all(no_verdict);
}

#[test]
fn no_row_falls_behind_its_tokens_and_no_server_panics() {
    for run in runs::all() {
        assert!(run.alarms.is_empty(), "{run}\n{:?}", run.alarms);
    }
}

#[test]
fn the_runs_cover_every_promise() {
    let count = |matches: &dyn Fn(&Run, &Operation) -> bool| {
        let all = runs::all().iter().flat_map(|run| {
            run.sessions.iter().flat_map(move |session| session.operations.iter().map(move |one| (run, one)))
        });
        all.filter(|(run, operation)| matches(run, operation)).count()
    };
    for run in runs::all() {
        run.print();
    }
    assert!(count(&|_, one| matches!(one.seen, Seen::Rotation(_))) > 200);
    assert!(count(&|_, one| one.seen == Seen::Ended(REUSE.to_owned())) > 20);
    assert!(count(&|_, one| one.call == Call::LogOut) > 0);
    assert!(count(&|run, one| run.kills > 0 && one.seen == Seen::NoResponse) > 0);
    assert!(count(&|run, one| in_outage(run, one) && one.seen == Seen::Unavailable) > 0);
    let careful = runs::all().iter().flat_map(|run| &run.sessions).filter(|session| session.careful);
    let lost = careful.flat_map(|session| &session.operations).filter(|one| one.seen == Seen::NoResponse);
    assert!(lost.count() > 0);
    assert!(count(&|_, one| one.seen == Seen::Abandoned) > 20);
}

#[actix_web::test]
async fn abandoned_requests_on_a_busy_machine_break_no_promise() {
    for grace in [Grace::None, Grace::Endless] {
        let run = runs::abandon(grace, 60).await;
        run.print();
        assert_all(&run);
    }
}

#[actix_web::test]
async fn cut_connections_to_postgres_break_no_promise() {
    if let Some(run) = runs::cut(8).await {
        run.print();
        assert_all(&run);
    }
}

/// Some order of the operations explains the observations.
pub fn linearizable(run: &Run, session: &Session) -> Result<(), String> {
    explain(run.rules, &session.operations).map(drop)
}

/// A later response never has an older generation, so no client continues a branch.
pub fn one_lineage(_: &Run, session: &Session) -> Result<(), String> {
    let rotations = || {
        session.operations.iter().filter_map(|one| match one.seen {
            Seen::Rotation(generation) => Some((one, generation)),
            _ => None,
        })
    };
    for (earlier, generation) in rotations() {
        if let Some((later, _)) =
            rotations().find(|(one, older)| earlier.precedes(one) && *older < generation)
        {
            return Err(format!("two lineages:\n{earlier}\n{later}"));
        }
    }
    Ok(())
}

/// A rotation that a client received is in the row.
pub fn acknowledged(_: &Run, session: &Session) -> Result<(), String> {
    for rotation in &session.operations {
        let Seen::Rotation(generation) = rotation.seen else { continue };
        let lost = |one: &&Operation| {
            rotation.precedes(one)
                && matches!(one.seen, Seen::Row { generation: row, .. } if row < generation)
        };
        if let Some(row) = session.operations.iter().find(lost) {
            return Err(format!("a lost rotation that was acknowledged:\n{rotation}\n{row}"));
        }
    }
    Ok(())
}

/// A client that repeats a request without a response, with its key, is never logged out. Nor is it if it did not wait for the
/// response.
fn lost_responses(_: &Run, session: &Session) -> Result<(), String> {
    let ended = |one: &&Operation| {
        matches!(one.seen, Seen::Ended(_) | Seen::Unexpected(_) | Seen::Row { ended: Some(_), .. })
    };
    match session.operations.iter().find(ended) {
        Some(end) if session.careful => {
            let all: Vec<_> = session.operations.iter().map(Operation::to_string).collect();
            Err(format!("the session of a careful client ended:\n{end}\nof\n{}", all.join("\n")))
        }
        _ => Ok(()),
    }
}

/// After a session has ended, all clients receive its reason, and the row keeps it.
fn final_end(run: &Run, session: &Session) -> Result<(), String> {
    for end in &session.operations {
        let Seen::Ended(reason) = &end.seen else { continue };
        let differs = |one: &&Operation| {
            let agrees = match &one.seen {
                Seen::Ended(other) => other == reason,
                Seen::Row { ended, .. } => ended.as_ref() == Some(reason),
                Seen::Rotation(_) | Seen::Unexpected(_) => false,
                Seen::Unavailable | Seen::NoResponse | Seen::Abandoned | Seen::LoggedOut => true,
            };
            end.precedes(one) && !agrees
        };
        if let Some(later) = session.operations.iter().find(differs) {
            return Err(format!("a session that continues after its end:\n{end}\n{later}\n{}", run.name));
        }
    }
    Ok(())
}

/// While the sessions cannot be read, no response says anything about them.
fn no_verdict(run: &Run, session: &Session) -> Result<(), String> {
    let verdict =
        |one: &&Operation| in_outage(run, one) && !one.has_no_response() && one.seen != Seen::Unavailable;
    match session.operations.iter().find(verdict) {
        Some(verdict) => Err(format!("a verdict without a database:\n{verdict}")),
        None => Ok(()),
    }
}

fn in_outage(run: &Run, operation: &Operation) -> bool {
    run.outages.iter().any(|(from, until)| *from < operation.invoked && operation.returned < *until)
}
