use serde_json::{Value, json};

use crate::cli::output::{Report, Text};
use crate::cli::screen::Cell;
use crate::cli::table::{Column, Cut, Table};
use crate::domain::users::search::Page;
use crate::model::{DisplayName, Role, User, UserView, Username};

const COLUMNS: [Column; 6] = [
    Column("E-MAIL", Cut::Name),
    Column("USERNAME", Cut::Text),
    Column("ROLES", Cut::Text),
    Column("STATUS", Cut::Never),
    Column("LAST LOGIN", Cut::Never),
    Column("ID", Cut::Id),
];
const CSV: &[&str] = &[
    "email",
    "email_verified",
    "username",
    "name",
    "roles",
    "disabled",
    "disabled_at",
    "created_at",
    "last_login_at",
    "claims",
    "id",
];

/// As in `/admin/users`.
fn object(user: &User) -> Value {
    json!(UserView::from(user.clone()))
}

/// One line per property.
pub fn details(user: &User, title: Option<String>) -> Report {
    let rows = vec![
        ("e-mail", Cell::text(user.email.as_str())),
        ("verified", Cell::optional_time(user.email_verified_at)),
        ("username", Cell::optional(user.username.as_ref().map(Username::as_str))),
        ("name", Cell::optional(user.name.as_ref().map(DisplayName::as_str))),
        ("roles", roles(user)),
        ("claims", Cell::text(Value::from(user.claims.clone()).to_string())),
        ("status", status(user)),
        ("disabled", Cell::optional_time(user.disabled_at)),
        ("registered", Cell::time(user.created_at)),
        ("last login", Cell::optional_time(user.last_login_at)),
        ("id", Cell::text(user.id.to_string())),
    ];
    let is_shown = |(name, _): &(&str, Cell)| *name != "disabled" || user.disabled_at.is_some();
    let rows = rows.into_iter().filter(is_shown).collect();
    Report { text: Text::Details { title, rows }, json: object(user), columns: CSV }
}

pub fn list(page: &Page) -> Report {
    let row = |user: &User| {
        vec![
            Cell::text(user.email.as_str()),
            Cell::optional(user.username.as_ref().map(Username::as_str)),
            roles(user),
            status(user),
            Cell::optional_time(user.last_login_at),
            Cell::text(user.id.to_string()).faint(),
        ]
    };
    let table = Table::new(&COLUMNS, page.users.iter().map(row).collect(), "no users match");
    let next = page.next.as_ref().map(ToString::to_string);
    Report::page(table, page.users.iter().map(object).collect(), next, CSV)
}

fn status(user: &User) -> Cell {
    if user.disabled_at.is_some() { Cell::text("disabled").bad() } else { Cell::text("enabled") }
}

fn roles(user: &User) -> Cell {
    let roles: Vec<&str> = user.roles.iter().map(Role::as_str).collect();
    Cell::optional(Some(roles.join(" ")).filter(|roles| !roles.is_empty()))
}
