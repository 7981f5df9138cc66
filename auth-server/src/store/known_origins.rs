//! The table `familiar_places`: the devices on which a user has logged in.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::model::UserId;
use crate::store::schema::familiar_places;
use crate::store::{AnyConnection, StoreError};

/// More than users need. Without a limit, an attacker could collect devices in order to guess from each of them.
const MAX_PER_USER: i64 = 20;

/// Whether the user has logged in on this device. Takes the same time without a user.
pub fn is_known(
    connection: &mut AnyConnection,
    user: Option<UserId>,
    origin_key: &str,
) -> Result<bool, StoreError> {
    let user = user.map(|user| user.to_string()).unwrap_or_default();
    let row = familiar_places::table.find((user, origin_key)).select(familiar_places::place);
    let found: Option<String> = row.first(connection).optional()?;
    Ok(found.is_some())
}

/// Records a login on this device. The user's row must be locked, so that concurrent logins do not insert the same row.
pub fn remember(
    connection: &mut AnyConnection,
    user: UserId,
    origin_key: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let last_login = familiar_places::last_login_at.eq(now.naive_utc());
    let row = familiar_places::table.find((user.to_string(), origin_key));
    if diesel::update(row).set(last_login).execute(connection)? == 0 {
        let key = (familiar_places::user_id.eq(user.to_string()), familiar_places::place.eq(origin_key));
        diesel::insert_into(familiar_places::table).values((key, last_login)).execute(connection)?;
        keep_newest(connection, user)?;
    }
    Ok(())
}

pub fn forget_all(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    let rows = familiar_places::table.filter(familiar_places::user_id.eq(user.to_string()));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

fn keep_newest(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    let old: Vec<String> = familiar_places::table
        .filter(familiar_places::user_id.eq(user.to_string()))
        .order((familiar_places::last_login_at.desc(), familiar_places::place))
        .offset(MAX_PER_USER)
        .limit(MAX_PER_USER)
        .select(familiar_places::place)
        .load(connection)?;
    let rows = familiar_places::table
        .filter(familiar_places::user_id.eq(user.to_string()))
        .filter(familiar_places::place.eq_any(old));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Deletes devices whose last login is older than `before`, of up to `limit` users.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let before = before.naive_utc();
    let users: Vec<String> = familiar_places::table
        .filter(familiar_places::last_login_at.lt(before))
        .order(familiar_places::last_login_at)
        .limit(limit)
        .select(familiar_places::user_id)
        .load(connection)?;
    let rows = familiar_places::table
        .filter(familiar_places::user_id.eq_any(users))
        .filter(familiar_places::last_login_at.lt(before));
    Ok(diesel::delete(rows).execute(connection)?)
}
