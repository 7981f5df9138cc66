//! The table `familiar_places`: the devices on which a user has logged in.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::model::UserId;
use crate::store::connection::on_backend;
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
    let update = diesel::update(row).set(last_login);
    if on_backend!(&mut *connection, |connection| update.execute(connection))? == 0 {
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

/// Deletes about `limit` devices whose last login is older than `before`, the oldest first. Rows of the same time are deleted
/// together.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let old: Vec<NaiveDateTime> = familiar_places::table
        .filter(familiar_places::last_login_at.lt(before.naive_utc()))
        .order(familiar_places::last_login_at)
        .limit(limit)
        .select(familiar_places::last_login_at)
        .load(connection)?;
    let Some(newest) = old.last() else { return Ok(0) };
    Ok(diesel::delete(familiar_places::table.filter(familiar_places::last_login_at.le(newest)))
        .execute(connection)?)
}

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::known_origins::*;

    #[actix_web::test]
    async fn a_purge_deletes_a_limited_number_of_rows() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        test.db_execute(
            "INSERT INTO users (id, email, password_hash, version, created_at) \
             VALUES ('ann', 'ann@example.org', '', 1, CURRENT_TIMESTAMP)",
        );
        for second in 0..25 {
            test.db_execute(&format!(
                "INSERT INTO familiar_places (user_id, place, last_login_at) \
                 VALUES ('ann', '{second}', '1969-01-01 00:00:{second:02}')"
            ));
        }
        let purge = || database.transaction(|connection| purge(connection, DateTime::UNIX_EPOCH, 10));
        assert_eq!([purge().await.unwrap(), purge().await.unwrap(), purge().await.unwrap()], [10, 10, 5]);
        assert_eq!(purge().await.unwrap(), 0);
    }
}
