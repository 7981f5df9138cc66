//! Attacks by time, to the second. The clock is moved, never waited for.

use chrono::TimeDelta;
use serde_json::json;
use shared_claims::{Clock, TokenError};

use crate::fixture::Fixture;

#[test]
fn a_token_lives_until_five_seconds_after_its_expiry_and_no_longer() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let expiry = fixture.clock.now() + TimeDelta::minutes(15);
    for (seconds, expected) in [(-1, true), (0, true), (4, true), (5, false), (6, false), (3600, false)] {
        fixture.clock.set(expiry + TimeDelta::seconds(seconds));
        let outcome = fixture.check(&token).map(|_| ());
        let wanted = if expected { Ok(()) } else { Err(TokenError::Expired) };
        assert_eq!(outcome, wanted, "{seconds} s after exp (RFC 7519 §4.1.4)");
    }
    fixture.clock.set(expiry + TimeDelta::microseconds(4_999_999));
    assert!(fixture.check(&token).is_ok());
}

#[test]
fn a_token_from_more_than_a_minute_ahead_is_refused() {
    let fixture = Fixture::new();
    let now = fixture.clock.now().timestamp();
    for (claim, refusal) in [
        ("iat", TokenError::FromTheFuture("iat")),
        ("auth_time", TokenError::FromTheFuture("auth_time")),
        ("nbf", TokenError::NotYetValid),
    ] {
        let outcome = |ahead: i64| fixture.check(&fixture.token_with(claim, json!(now + ahead))).map(|_| ());
        assert_eq!(outcome(60), Ok(()), "{claim} 60 s ahead (RFC 7519 §4.1)");
        assert_eq!(outcome(61), Err(refusal), "{claim} 61 s ahead (RFC 7519 §4.1)");
        assert_eq!(outcome(-3600), Ok(()), "{claim} an hour ago");
        assert_eq!(outcome(253_402_300_799 - now), Err(refusal), "{claim} in the year 9999");
    }
}

#[test]
fn a_token_of_the_year_1970_has_expired() {
    let fixture = Fixture::new();
    assert_eq!(fixture.check(&fixture.token_with("exp", json!(0))), Err(TokenError::Expired));
}
