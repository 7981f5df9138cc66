//! The checker accepts histories that have an order and rejects others.

use super::checker::explain;
use super::history::{Call, LOGGED_OUT, Operation, REUSE, Seen};
use super::model::{Grace, Rules};

const NO_GRACE: Rules = Rules { grace: Grace::None, unavailable_is_unknown: false };
const ENDLESS: Rules = Rules { grace: Grace::Endless, unavailable_is_unknown: false };

fn refresh(time: (u64, u64), generation: u64, key: Option<u64>, seen: Seen) -> Operation {
    Operation { invoked: time.0, returned: time.1, call: Call::Refresh { generation, key }, seen }
}

fn row(time: (u64, u64), generation: u64, ended: Option<&str>) -> Operation {
    let seen = Seen::Row { generation, ended: ended.map(str::to_owned) };
    Operation { invoked: time.0, returned: time.1, call: Call::ReadRow, seen }
}

fn reuse() -> Seen {
    Seen::Ended(REUSE.to_owned())
}

fn assert_possible(rules: Rules, history: &[Operation]) -> usize {
    explain(rules, history).unwrap_or_else(|text| panic!("{text}")).redelivered
}

fn assert_impossible(rules: Rules, history: &[Operation]) {
    assert!(explain(rules, history).is_err(), "{history:?}");
}

#[test]
fn sequential_refreshes_are_possible_and_out_of_order_ones_are_not() {
    let chain = [
        refresh((1, 2), 0, None, Seen::Rotation(1)),
        refresh((3, 4), 1, None, Seen::Rotation(2)),
        row((5, 6), 2, None),
    ];
    assert_possible(NO_GRACE, &chain);
    let skipping = [refresh((1, 2), 0, None, Seen::Rotation(2))];
    assert_impossible(NO_GRACE, &skipping);
    let unborn = [refresh((1, 2), 1, None, Seen::Rotation(2)), refresh((3, 4), 0, None, Seen::Rotation(1))];
    assert_impossible(ENDLESS, &unborn);
}

#[test]
fn racing_tabs_may_share_a_successor_and_sequential_ones_may_not() {
    let race = [refresh((1, 4), 0, None, Seen::Rotation(1)), refresh((2, 3), 0, None, Seen::Rotation(1))];
    assert_eq!(assert_possible(NO_GRACE, &race), 1);
    let mut later = race.clone();
    later[0].returned = 2;
    later[1].invoked = 3;
    later[1].returned = 4;
    assert_impossible(NO_GRACE, &later);
    assert_eq!(assert_possible(ENDLESS, &later), 1);
    later[1].seen = reuse();
    assert_possible(NO_GRACE, &later);
    assert_impossible(ENDLESS, &later);
}

#[test]
fn two_lineages_are_impossible() {
    let rotations = [1, 2, 3].map(|n| refresh((2 * n, 2 * n + 1), n - 1, None, Seen::Rotation(n)));
    for rules in [NO_GRACE, ENDLESS] {
        // An attacker with the first token refreshes it while the owner does as well.
        let replay = refresh((10, 11), 0, None, Seen::Rotation(1));
        assert_impossible(rules, &[&rotations[..], &[replay]].concat());
    }
}

#[test]
fn losing_an_acknowledged_rotation_is_impossible() {
    for rules in [NO_GRACE, ENDLESS] {
        let acknowledged = refresh((1, 2), 0, Some(7), Seen::Rotation(1));
        assert_impossible(rules, &[acknowledged.clone(), row((3, 4), 0, None)]);
        assert_possible(rules, &[acknowledged, row((3, 4), 1, None)]);
    }
}

#[test]
fn after_reuse_every_refresh_is_rejected() {
    let history = [
        refresh((1, 2), 0, None, Seen::Rotation(1)),
        refresh((3, 4), 1, None, Seen::Rotation(2)),
        refresh((5, 6), 0, None, reuse()),
        refresh((7, 8), 2, None, reuse()),
        row((9, 10), 2, Some(REUSE)),
    ];
    assert_possible(ENDLESS, &history);
    for seen in [Seen::Rotation(3), Seen::Ended(LOGGED_OUT.to_owned())] {
        let mut not_ended = history.clone();
        not_ended[3].seen = seen;
        assert_impossible(ENDLESS, &not_ended[..4]);
    }
    let mut without_end = history;
    without_end[4] = row((9, 10), 2, None);
    assert_impossible(ENDLESS, &without_end);
}

#[test]
fn a_session_ends_only_for_a_reason() {
    assert_impossible(NO_GRACE, &[refresh((1, 2), 0, None, reuse())]);
    assert_impossible(NO_GRACE, &[refresh((1, 2), 0, None, Seen::Ended("unknown".to_owned()))]);
    assert_impossible(NO_GRACE, &[row((1, 2), 0, Some(REUSE))]);
    let ended = Seen::Ended(LOGGED_OUT.to_owned());
    let log_out = Operation { invoked: 1, returned: 2, call: Call::LogOut, seen: Seen::LoggedOut };
    assert_possible(NO_GRACE, &[log_out, refresh((3, 4), 0, None, ended)]);
}

#[test]
fn the_same_key_redelivers_the_successor_five_times() {
    let again = |n: u64, seen| refresh((2 * n, 2 * n + 1), 0, Some(7), seen);
    let mut history: Vec<_> = (1..=6).map(|n| again(n, Seen::Rotation(1))).collect();
    assert_eq!(assert_possible(NO_GRACE, &history), 5);
    history.push(again(7, Seen::Rotation(1)));
    assert_impossible(NO_GRACE, &history);
    history[6].seen = reuse();
    assert_possible(NO_GRACE, &history);
    for key in [None, Some(8)] {
        let other = refresh((4, 5), 0, key, Seen::Rotation(1));
        assert_impossible(NO_GRACE, &[again(1, Seen::Rotation(1)), other]);
    }
}

#[test]
fn a_request_without_a_response_may_take_effect_now_later_or_never() {
    let lost = refresh((1, 2), 0, Some(7), Seen::NoResponse);
    let retry = refresh((3, 4), 0, Some(7), Seen::Rotation(1));
    assert_possible(NO_GRACE, &[lost.clone(), retry.clone()]);
    assert_possible(NO_GRACE, &[lost.clone(), row((3, 4), 0, None), row((5, 6), 1, None)]);
    assert_impossible(NO_GRACE, &[lost.clone(), row((3, 4), 1, None), row((5, 6), 0, None)]);
    // Another key after the lost response: a rotation now, or reuse of the lost one.
    for seen in [Seen::Rotation(1), reuse()] {
        assert_possible(NO_GRACE, &[lost.clone(), refresh((3, 4), 0, Some(8), seen)]);
    }
    assert_impossible(NO_GRACE, &[lost, refresh((3, 4), 0, Some(7), reuse())]);
}

#[test]
fn a_503_changes_nothing_unless_the_connection_broke() {
    let rejected = refresh((1, 2), 0, None, Seen::Unavailable);
    let history = [rejected, row((3, 4), 1, None)];
    assert_impossible(NO_GRACE, &history);
    assert_possible(Rules { unavailable_is_unknown: true, ..NO_GRACE }, &history);
    assert_possible(NO_GRACE, &[history[0].clone(), row((3, 4), 0, None)]);
}

#[test]
fn a_hundred_lost_responses_are_checked_quickly() {
    let lost = (1..=60).map(|n| refresh((2 * n, 2 * n + 1), 0, Some(n), Seen::NoResponse));
    let mut history: Vec<_> = lost.collect();
    history.push(row((200, 201), 1, None));
    history.extend((1..=40).map(|n| refresh((300 + 2 * n, 301 + 2 * n), n, Some(n), Seen::Rotation(n + 1))));
    assert_possible(ENDLESS, &history);
    history.push(row((500, 501), 7, None));
    assert_impossible(ENDLESS, &history);
}

#[test]
fn an_abandoned_request_ends_nothing_if_the_session_was_rotated_later() {
    let rotations = [1, 2].map(|n| refresh((10 * n, 10 * n + 1), n - 1, Some(n - 1), Seen::Rotation(n)));
    let abandoned = |from| refresh((from, from + 1), 0, Some(7), Seen::Abandoned);
    for rules in [NO_GRACE, ENDLESS] {
        // Before the last rotation, and then after it.
        for (from, ended, is_possible) in
            [(1, None, true), (1, Some(REUSE), false), (30, None, true), (30, Some(REUSE), true)]
        {
            let history = [&rotations[..], &[abandoned(from), row((40, 41), 2, ended)]].concat();
            if is_possible {
                assert_possible(rules, &history);
            } else {
                assert_impossible(rules, &history);
            }
        }
    }
}
