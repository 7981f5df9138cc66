//! Pages of users. The order of a page is that of an index, or few users match one of the filters: no statement reads more
//! rows than [`Limits`] allow, for any filters and any number of users.

mod conditions;
mod range;
mod start;
#[cfg(test)]
mod tests;

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::model::User;
use crate::store::sql::{Sql, Statement};
use crate::store::users::Row;
use crate::store::users::search::conditions::Condition;
use crate::store::{AnyConnection, StoreError};

pub use conditions::{Filter, LastLogin, Status};
use start::LAST_LOGIN;

pub use start::Start;

/// How much a page may read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows, if users are filtered in the order of the page. A page may therefore have fewer users than requested, and still a
    /// next page.
    pub scanned: i64,
    /// A filter that at most this many users match is read completely, and then sorted. Of a filter that more users match, a
    /// page is found soon in any order.
    pub sorted: i64,
    /// Users that are counted at most.
    pub counted: i64,
}

impl Limits {
    /// Each takes some tens of milliseconds in PostgreSQL.
    pub const DEFAULT: Self = Self { scanned: 10_000, sorted: 3_000, counted: 10_000 };
}

type Backend = <AnyConnection as diesel::Connection>::Backend;
type Columns = SqlTypeOf<AsSelect<Row, Backend>>;

/// The users that match a filter.
pub struct List {
    limits: Limits,
    filter: Filter,
    conditions: Vec<Condition>,
    /// The condition that few users match.
    selective: Option<Condition>,
}

/// Users in the order of a page.
pub struct Found {
    pub users: Vec<User>,
    /// Set if the rows after this position have not been read.
    pub read_until: Option<Start>,
}

/// How many users match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    pub count: i64,
    /// Otherwise there may be more.
    pub is_exact: bool,
}

impl List {
    pub fn new(connection: &mut AnyConnection, filter: Filter, limits: Limits) -> Result<Self, StoreError> {
        let conditions = filter.conditions(connection)?;
        let mut selective = None;
        for condition in &conditions {
            if is_selective(connection, condition, limits.sorted)? {
                selective = Some(condition.clone());
                break;
            }
        }
        Ok(Self { limits, filter, conditions, selective })
    }

    /// Up to `limit` users from `start` on.
    pub fn page(
        &self,
        connection: &mut AnyConnection,
        start: &Start,
        limit: i64,
    ) -> Result<Found, StoreError> {
        let users = self.statement(start, limit).load::<Row>(connection)?;
        let users = users.into_iter().map(|row| User::try_from(row).map_err(StoreError::from));
        let users: Vec<User> = users.collect::<Result<_, _>>()?;
        let is_full = i64::try_from(users.len()).is_ok_and(|count| count == limit);
        let read_until =
            if is_full || !self.is_scanned(start) { None } else { self.end_of_scan(connection, start)? };
        Ok(Found { users, read_until })
    }

    pub fn total(&self, connection: &mut AnyConnection) -> Result<Total, StoreError> {
        let Limits { sorted, counted, .. } = self.limits;
        if let Some(selective) = &self.selective {
            return self.count(connection, selective.sql(), selective.order(), sorted + 1, &[]);
        }
        let mut sum = Total { count: 0, is_exact: true };
        for start in self.filter.starts_to_count() {
            let indexed = self.conditions.iter().find(|condition| condition.is_indexed());
            let (source, order) = match (&start, indexed) {
                (Some(start), _) => (start.bounds(&self.filter), Some(start.order())),
                (None, Some(condition)) => (condition.sql(), condition.order()),
                (None, None) => (Sql::all([]), None),
            };
            let beyond = start.as_ref().and_then(|start| start.excluded(&self.filter));
            let part = self.count(connection, source, order, counted + 1, beyond.as_slice())?;
            sum = Total { count: sum.count + part.count, is_exact: sum.is_exact && part.is_exact };
        }
        let is_exact = sum.is_exact && sum.count <= counted;
        Ok(Total { count: sum.count.min(counted), is_exact })
    }

    fn statement(&self, start: &Start, limit: i64) -> Statement<Columns> {
        let order = start.order();
        let mut filters = self.beyond(start);
        let (source, source_order, rows) = match &self.selective {
            Some(selective) => {
                filters.push(start.bounds(&self.filter));
                (selective.sql(), selective.order(), self.limits.sorted + 1)
            }
            None if filters.is_empty() => (start.bounds(&self.filter), Some(order), limit),
            None => (start.bounds(&self.filter), Some(order), self.limits.scanned),
        };
        let select = Sql::new(COLUMNS).append(limited(source, source_order, rows));
        let filtered = select.sql(" WHERE ").append(Sql::all(filters));
        let sorted = filtered.sql(" ORDER BY ").sql(start.order_of_rows());
        sorted.sql(" LIMIT ").number(limit).returning()
    }

    /// The conditions that rows in the bounds of `start` may not meet.
    fn beyond(&self, start: &Start) -> Vec<Sql> {
        let more = self.conditions.iter().filter(|condition| !condition.is_within(start));
        more.map(Condition::sql).chain(start.excluded(&self.filter)).collect()
    }

    /// Whether rows are read that do not match.
    fn is_scanned(&self, start: &Start) -> bool {
        self.selective.is_none() && !self.beyond(start).is_empty()
    }

    /// The last row that a scan reads, if there are more.
    fn end_of_scan(
        &self,
        connection: &mut AnyConnection,
        start: &Start,
    ) -> Result<Option<Start>, StoreError> {
        let scanned = limited(start.bounds(&self.filter), Some(start.order()), self.limits.scanned);
        // The offset is bounded.
        let last = Sql::new(COLUMNS).append(scanned).sql(" ORDER BY ").sql(start.order_of_rows());
        let last = last.sql(" LIMIT 1 OFFSET ").number(self.limits.scanned - 1);
        let last: Option<Row> = last.returning::<Columns>().get_result(connection).optional()?;
        Ok(last.map(User::try_from).transpose()?.and_then(|user| start.after(&user)))
    }

    /// Counts the matches among the first `rows` rows of a source.
    fn count(
        &self,
        connection: &mut AnyConnection,
        source: Sql,
        order: Option<&'static str>,
        rows: i64,
        more: &[Sql],
    ) -> Result<Total, StoreError> {
        let matches = Sql::all(self.conditions.iter().map(Condition::sql).chain(more.iter().cloned()));
        let count = Sql::new("SELECT COUNT(*), COUNT(CASE WHEN ").append(matches).sql(" THEN 1 END)");
        let count = count.append(limited(source, order, rows)).returning::<(BigInt, BigInt)>();
        let (read, count): (i64, i64) = count.get_result(connection)?;
        Ok(Total { count, is_exact: read < rows })
    }
}

/// In the order of [`Row`].
const COLUMNS: &str = "SELECT id, email, username, name, password_hash, roles, claims, version, disabled_at, created_at, \
                       last_login_at, temporary_password_expires_at, email_verified_at, locale, second_factor";

/// Whether at most `max` users meet the condition.
fn is_selective(connection: &mut AnyConnection, condition: &Condition, max: i64) -> Result<bool, StoreError> {
    if !condition.is_indexed() {
        return Ok(false);
    }
    let count: i64 = few(condition, max).get_result(connection)?;
    Ok(count <= max)
}

/// Counts up to `max + 1` users. Includes those who are being deleted, because most indexes then have all that PostgreSQL reads.
fn few(condition: &Condition, max: i64) -> Statement<BigInt> {
    let users = Sql::new("SELECT COUNT(*) FROM (SELECT 1 FROM users WHERE ").append(condition.sql());
    let sorted = match condition.order() {
        Some(order) => users.sql(" ORDER BY ").sql(order),
        None => users,
    };
    sorted.sql(" LIMIT ").number(max + 1).sql(") AS users").returning()
}

/// The first `rows` rows that meet a condition. The limit keeps PostgreSQL from reading them in another way.
fn limited(condition: Sql, order: Option<&'static str>, rows: i64) -> Sql {
    let rows_of = Sql::new(" FROM (SELECT *, ")
        .sql(LAST_LOGIN)
        .sql(" AS last_login FROM users WHERE deleted_at IS NULL AND ");
    let rows_of = rows_of.append(condition);
    let sorted = match order {
        Some(order) => rows_of.sql(" ORDER BY ").sql(order),
        None => rows_of,
    };
    sorted.sql(" LIMIT ").number(rows).sql(") AS users")
}
