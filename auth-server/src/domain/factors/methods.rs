//! The ways in which a user can prove the second factor.

use crate::model::{FactorMethod, UserId};
use crate::store::users::FactorFailures;
use crate::store::{AnyConnection, StoreError, passkeys, recovery_codes, totp_factors, users};

use super::LOCK;

/// The methods that a user can answer with now.
pub fn methods(connection: &mut AnyConnection, user: UserId) -> Result<Vec<FactorMethod>, StoreError> {
    let FactorFailures { count, .. } = users::factor_failures(connection, user)?;
    let totp = count < LOCK && has_app(connection, user)?;
    let codes = recovery_codes::left(connection, user)? > 0;
    let keys = !passkeys::of_user(connection, user)?.is_empty();
    let all =
        [(totp, FactorMethod::Totp), (keys, FactorMethod::Passkey), (codes, FactorMethod::RecoveryCode)];
    Ok(all.into_iter().filter_map(|(has, method)| has.then_some(method)).collect())
}

/// Whether the user has a factor, beside recovery codes.
pub fn has_any(connection: &mut AnyConnection, user: UserId) -> Result<bool, StoreError> {
    Ok(has_app(connection, user)? || !passkeys::of_user(connection, user)?.is_empty())
}

fn has_app(connection: &mut AnyConnection, user: UserId) -> Result<bool, StoreError> {
    Ok(totp_factors::of_user(connection, user)?.iter().any(|app| app.confirmed_at.is_some()))
}
