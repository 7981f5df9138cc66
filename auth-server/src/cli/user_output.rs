use serde_json::{Value, json};

use crate::cli::output::{Report, table, time};
use crate::domain::users::search::Page;
use crate::model::{DisplayName, Role, User, UserView, Username};

fn object(user: &User) -> Value {
    json!(UserView::from(user.clone()))
}

/// One line per property.
pub fn details(user: &User) -> Report {
    let optional = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let rows = [
        ("id", user.id.to_string()),
        ("e-mail", user.email.to_string()),
        ("username", optional(user.username.as_ref().map(Username::as_str))),
        ("name", optional(user.name.as_ref().map(DisplayName::as_str))),
        ("roles", roles(user)),
        ("claims", Value::from(user.claims.clone()).to_string()),
        ("disabled", user.disabled_at.map_or_else(|| "no".to_owned(), |at| format!("since {}", time(at)))),
        ("registered", time(user.created_at)),
        ("last login", user.last_login_at.map_or_else(|| "-".to_owned(), time)),
    ];
    let line = |(title, value): (&str, String)| format!("{title:<12}{value}");
    Report { text: rows.map(line).join("\n"), json: object(user) }
}

/// A table, and the cursor of the next page.
pub fn list(page: &Page) -> Report {
    let row = |user: &User| {
        vec![
            user.id.to_string(),
            user.email.to_string(),
            user.username.as_ref().map_or("-", Username::as_str).to_owned(),
            roles(user),
            if user.disabled_at.is_some() { "disabled" } else { "enabled" }.to_owned(),
            user.last_login_at.map_or_else(|| "-".to_owned(), time),
        ]
    };
    let rows: Vec<Vec<String>> = page.users.iter().map(row).collect();
    let mut lines = vec![table(&["ID", "E-MAIL", "USERNAME", "ROLES", "STATUS", "LAST LOGIN"], &rows)];
    let mut json = json!({"items": page.users.iter().map(object).collect::<Vec<_>>()});
    if let Some(next) = &page.next {
        lines.push(format!("next page: --cursor {next}"));
        json["next_cursor"] = json!(next.to_string());
    }
    Report { text: lines.join("\n"), json }
}

fn roles(user: &User) -> String {
    let roles: Vec<&str> = user.roles.iter().map(Role::as_str).collect();
    if roles.is_empty() { "-".to_owned() } else { roles.join(" ") }
}
