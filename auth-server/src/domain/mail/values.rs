//! Values in templates. docs/mail.md lists them, and a test compares the two.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use crate::model::MailKind;

/// Texts and numbers by name.
pub type Values = Map<String, Value>;

/// How long a link and its code are valid.
pub fn duration_values(link: TimeDelta, code: TimeDelta) -> Values {
    object(json!({
        "link_minutes": link.num_minutes(),
        "link_hours": link.num_hours(),
        "link_days": link.num_days(),
        "code_minutes": code.num_minutes(),
    }))
}

/// The values of a notice in the outbox. A server of another version may have written it without a value that the templates
/// of this one use.
pub fn completed(values: &Values) -> Values {
    let mut completed = object(json!({"by_administrator": false}));
    completed.extend(values.clone());
    completed
}

/// Values such as mails of this kind have, except for those that all mails have.
pub fn sample(kind: MailKind) -> Values {
    let with_link = |page: &str, life| {
        let mut values = duration_values(life, TimeDelta::minutes(10));
        values
            .insert("link".to_owned(), format!("https://auth.example.org/{page}#Yi1zYW1wbGUtdG9rZW4").into());
        values.insert("code".to_owned(), "12345678".into());
        values
    };
    let event = json!({
        "when": "2026-11-27 14:30 UTC",
        "device": "Firefox on Linux",
        "ip": "203.0.113.7",
        "by_administrator": false,
        "old_email": "ann@example.org",
        "new_email": "ann@example.com",
    });
    let mut event = object(event);
    match kind {
        MailKind::Register | MailKind::Verify | MailKind::Change => {
            with_link(kind.as_str(), TimeDelta::hours(24))
        }
        MailKind::Reset => with_link("reset", TimeDelta::minutes(30)),
        MailKind::Invite => {
            let mut values = with_link("invitation", TimeDelta::days(7));
            values.remove("code");
            values
        }
        MailKind::EnrolmentCode => {
            let mut values = with_link("", TimeDelta::minutes(10));
            values.remove("link");
            values
        }
        MailKind::AlreadyRegistered => Values::new(),
        MailKind::EmailChangeRequested | MailKind::EmailChanged => event,
        MailKind::SecondFactorChanged | MailKind::SecondFactorFailed => {
            event.remove("old_email");
            event.remove("new_email");
            event.insert("event".to_owned(), "recovery_code_used".into());
            event
        }
        MailKind::NewDevice
        | MailKind::PasswordChanged
        | MailKind::PasswordReset
        | MailKind::SessionStolen
        | MailKind::AccountDisabled
        | MailKind::AccountDeleted => {
            event.remove("old_email");
            event.remove("new_email");
            event
        }
    }
}

fn object(value: Value) -> Values {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Values::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use crate::domain::mail::sample;
    use crate::model::MailKind;

    /// The names in backticks in the first column of a table.
    fn documented(heading: &str) -> BTreeSet<String> {
        let manual = format!("{}/../docs/mail.md", env!("CARGO_MANIFEST_DIR"));
        let manual = fs::read_to_string(manual).expect("the manual");
        let (_, section) = manual.split_once(heading).expect("the section");
        let table = section.lines().skip_while(|line| !line.starts_with("|---"));
        let rows = table.skip(1).take_while(|line| line.starts_with('|'));
        let columns = rows.map(|row| row.split('|').nth(1).expect("a column").to_owned());
        columns
            .flat_map(|names| names.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn the_manual_lists_every_variable_and_every_kind() {
        let mut names: BTreeSet<String> =
            ["service", "issuer", "email", "forgot_url"].map(str::to_owned).into();
        names.extend(
            MailKind::ALL.into_iter().flat_map(|kind| sample(kind).keys().cloned().collect::<Vec<_>>()),
        );
        assert_eq!(documented("### Variables"), names);
        let kinds: BTreeSet<String> = MailKind::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(documented("### Kinds"), kinds);
    }
}
