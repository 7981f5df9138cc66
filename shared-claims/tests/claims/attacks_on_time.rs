//! Times, to the second. Tests move the clock.

use chrono::TimeDelta;
use serde_json::json;
use shared_claims::{Clock, TokenError};

use crate::fixture::Fixture;

#[test]
fn a_token_is_accepted_until_five_seconds_after_exp() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let expiry = fixture.clock.now() + TimeDelta::minutes(15);
    for (seconds, is_valid) in [(-1, true), (0, true), (4, true), (5, false), (6, false), (3600, false)] {
        fixture.clock.set(expiry + TimeDelta::seconds(seconds));
        let outcome = fixture.check(&token).map(|_| ());
        let expected = if is_valid { Ok(()) } else { Err(TokenError::Expired) };
        assert_eq!(outcome, expected, "{seconds} s after exp (RFC 7519 §4.1.4)");
    }
    fixture.clock.set(expiry + TimeDelta::microseconds(4_999_999));
    assert!(fixture.check(&token).is_ok());
}

#[test]
fn a_time_more_than_a_minute_ahead_is_rejected() {
    let fixture = Fixture::new();
    let now = fixture.clock.now().timestamp();
    for (claim, expected) in [
        ("iat", TokenError::FromTheFuture("iat")),
        ("auth_time", TokenError::FromTheFuture("auth_time")),
        ("nbf", TokenError::NotYetValid),
    ] {
        let outcome = |ahead: i64| fixture.check(&fixture.token_with(claim, json!(now + ahead))).map(|_| ());
        assert_eq!(outcome(60), Ok(()), "{claim} 60 s ahead (RFC 7519 §4.1)");
        assert_eq!(outcome(61), Err(expected), "{claim} 61 s ahead (RFC 7519 §4.1)");
        assert_eq!(outcome(-3600), Ok(()), "{claim} an hour ago");
        assert_eq!(outcome(253_402_300_799 - now), Err(expected), "{claim} in the year 9999");
    }
}

#[test]
fn exp_zero_has_expired() {
    let fixture = Fixture::new();
    assert_eq!(fixture.check(&fixture.token_with("exp", json!(0))), Err(TokenError::Expired));
}
