//! The columns of a user's second factor.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::model::UserId;
use crate::store::schema::users;
use crate::store::{AnyConnection, StoreError};

/// Wrong codes in a row, and the last of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct FactorFailures {
    pub count: i32,
    pub last_at: Option<NaiveDateTime>,
}

/// Whether logins require a second factor from now on.
pub fn set_second_factor(
    connection: &mut AnyConnection,
    id: UserId,
    required: bool,
) -> Result<(), StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    diesel::update(row).set(users::second_factor.eq(required)).execute(connection)?;
    Ok(())
}

pub fn factor_failures(connection: &mut AnyConnection, id: UserId) -> Result<FactorFailures, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    let columns = row.select((users::factor_failures, users::factor_failed_at));
    let found: Option<(i32, Option<NaiveDateTime>)> = columns.first(connection).optional()?;
    Ok(found.map(|(count, last_at)| FactorFailures { count, last_at }).unwrap_or_default())
}

/// The user's row must be locked.
pub fn set_factor_failures(
    connection: &mut AnyConnection,
    id: UserId,
    failures: FactorFailures,
) -> Result<(), StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    let columns = (users::factor_failures.eq(failures.count), users::factor_failed_at.eq(failures.last_at));
    diesel::update(row).set(columns).execute(connection)?;
    Ok(())
}
