//! Every combination of filters, orders and limits, compared with the same list made from all users.

use test_support::TestDatabase;

use crate::domain::users::search::*;
use crate::model::Role;
use chrono::DateTime;

const USERS: u32 = 60;

/// Limits with which pages read by the index of the filter, by that of the order, and with scans that end within a page.
const LIMITS: [Limits; 3] = [
    Limits::DEFAULT,
    Limits { scanned: 1000, sorted: 0, counted: 1000 },
    Limits { scanned: 7, sorted: 5, counted: 1000 },
];

fn db_users(test: &TestDatabase) {
    for number in 0..USERS {
        let (id, name) = (UserId::random(), number * 17 % USERS);
        // Bob's usernames begin like Ann's addresses.
        let email =
            if number % 3 == 0 { format!("bob{name:02}@x.org") } else { format!("ann{name:02}@x.org") };
        let username = match number % 4 {
            0 => "NULL".to_owned(),
            1 => format!("'ann-{name:02}'"),
            _ => format!("'carl-{name:02}'"),
        };
        let roles =
            ["[]", r#"["editor"]"#, r#"["a_b","editor"]"#, r#"["axb"]"#, r#"["admin"]"#][number as usize % 5];
        let time = |is_set: bool, second: u32| {
            if is_set { format!("'2030-01-01 00:00:{second:02}'") } else { "NULL".to_owned() }
        };
        test.db_execute(&format!(
            "INSERT INTO users (id, email, username, password_hash, roles, version, created_at, last_login_at, disabled_at, \
             email_verified_at) VALUES ('{id}', '{email}', {username}, '', '{roles}', 1, {}, {}, {}, {})",
            time(true, number / 2),
            time(number % 7 != 0, number / 3),
            time(number % 11 == 0, 0),
            time(number % 2 == 0, 0),
        ));
    }
}

fn filters() -> Vec<Filter> {
    let at = |second: i64| Some(DateTime::from_timestamp(1_893_456_000 + second, 0).unwrap());
    let between = |after, before| Some(LastLogin::Between { after, before });
    let mut all = Vec::new();
    for prefix in ["", "ann", "bob0"] {
        for role in [None, Some("editor"), Some("a_b"), Some("none")] {
            for status in [None, Some(Status::Active), Some(Status::Disabled), Some(Status::Unverified)] {
                let ranges = [between(at(5), None), between(None, at(5)), between(at(3), at(9))];
                for last_login in [None, Some(LastLogin::Never)].into_iter().chain(ranges) {
                    let role = role.map(|role| Role::parse(role).unwrap());
                    all.push(Filter { id: None, prefix: prefix.to_owned(), role, status, last_login });
                }
            }
        }
    }
    all
}

fn expected(users: &[User], filter: &Filter, sort: Sort) -> Vec<UserId> {
    let has_email = |user: &User| user.email.as_str().starts_with(&filter.prefix);
    let has_username =
        |user: &User| user.username.as_ref().is_some_and(|name| name.as_str().starts_with(&filter.prefix));
    let is_match = |user: &&User| {
        let status = match filter.status {
            None => true,
            Some(Status::Active) => user.disabled_at.is_none(),
            Some(Status::Disabled) => user.disabled_at.is_some(),
            Some(Status::Unverified) => user.email_verified_at.is_none(),
        };
        let last_login = match (filter.last_login, user.last_login_at) {
            (None, _) | (Some(LastLogin::Never), None) => true,
            (Some(LastLogin::Never), Some(_)) | (Some(LastLogin::Between { .. }), None) => false,
            (Some(LastLogin::Between { after, before }), Some(at)) => {
                after.is_none_or(|after| at >= after) && before.is_none_or(|before| at < before)
            }
        };
        let role = filter.role.as_ref().is_none_or(|role| user.roles.contains(role));
        status && last_login && role && (has_email(user) || has_username(user))
    };
    let mut found: Vec<&User> = users.iter().filter(is_match).collect();
    match sort {
        Sort::Email => found.sort_by_key(|user| {
            let username = || user.username.as_ref().unwrap().as_str().to_owned();
            let is_second = !has_email(user);
            (is_second, if is_second { username() } else { user.email.as_str().to_owned() })
        }),
        Sort::Newest => found.sort_by_key(|user| std::cmp::Reverse((user.created_at, user.id.to_string()))),
        Sort::LastLogin => {
            found.sort_by_key(|user| std::cmp::Reverse((user.last_login_at, user.id.to_string())));
        }
    }
    found.into_iter().map(|user| user.id).collect()
}

#[tokio::test]
async fn every_combination_of_filters_and_orders_lists_each_match_once_in_order() {
    let test = TestDatabase::fresh();
    let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
    db_users(&test);
    let everyone = page(&database, Filter::default(), Sort::Email, None, 1000).await.expect("users").users;
    assert_eq!(everyone.len(), USERS as usize);
    let (mut checked, mut found) = (0, 0);
    for filter in filters() {
        let everyone = everyone.clone();
        let check = database.run(move |connection| {
            let (mut checked, mut found) = (0, 0);
            for sort in [Sort::Email, Sort::Newest, Sort::LastLogin] {
                let expected = expected(&everyone, &filter, sort);
                for (limits, limit) in LIMITS.into_iter().zip([1000, 9, 4]) {
                    let what = format!("{filter:?} {sort:?} {limits:?}");
                    let (mut seen, mut cursor) = (Vec::new(), None);
                    loop {
                        let is_first = cursor.is_none();
                        let page = read_page(connection, filter.clone(), sort, cursor, limit, limits)?;
                        if is_first {
                            let total = page.total.expect("a total");
                            assert_eq!(total.count, i64::try_from(expected.len()).unwrap(), "{what}");
                            assert!(total.is_exact, "{what}");
                        }
                        assert!(i64::try_from(page.users.len()).unwrap() <= limit, "{what}");
                        seen.extend(page.users.iter().map(|user| user.id));
                        let Some(next) = page.next else { break };
                        assert!(next.is_of(sort), "{what}");
                        cursor = Some(next.to_string().parse().expect("a cursor"));
                    }
                    assert_eq!(seen, expected, "{what}");
                    (checked, found) = (checked + 1, found + seen.len());
                }
            }
            Ok::<_, StoreError>((checked, found))
        });
        let of_filter = check.await.expect("lists");
        (checked, found) = (checked + of_filter.0, found + of_filter.1);
    }
    assert!(checked > 2000 && found > 5_000, "{checked} lists, {found} users");
}

#[tokio::test]
async fn a_total_says_if_there_may_be_more() {
    let test = TestDatabase::fresh();
    let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
    db_users(&test);
    let few = Limits { scanned: 1000, sorted: 5, counted: 10 };
    let totals = database.run(move |connection| {
        let mut totals = Vec::new();
        for (prefix, status) in [("", None), ("ann", Some(Status::Active)), ("bob0", Some(Status::Disabled))]
        {
            let filter = Filter { prefix: prefix.to_owned(), status, ..Filter::default() };
            let page = read_page(connection, filter, Sort::Email, None, 1, few)?;
            totals.push(page.total.map(|total| (total.count, total.is_exact)));
        }
        Ok::<_, StoreError>(totals)
    });
    let totals = totals.await.expect("a database");
    assert_eq!(totals[0], Some((10, false)));
    assert_eq!(totals[1], Some((10, false)));
    assert!(totals[2].is_some_and(|(count, is_exact)| is_exact && count < 10), "{totals:?}");
}
