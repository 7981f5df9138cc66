//! Notices: mails that tell users about security events of their accounts. The audit log writes them into the outbox, in the
//! transaction of the event.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use crate::domain::mail::Languages;
use crate::model::{ClientInfo, Email, EventType, Locale, MailKind, User, UserId, device};
use crate::store::mails::NewMail;
use crate::store::{AnyConnection, StoreError, mails, users};

/// Older notices are not sent.
const LIFETIME: TimeDelta = TimeDelta::hours(48);
/// An address gets one notice of each kind about a user within this time, so that an attacker cannot flood the mailbox.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// Which notices are sent, and in which languages.
#[derive(Debug)]
pub struct Notices {
    kinds: Vec<MailKind>,
    languages: Languages,
}

/// A notice about an event.
#[derive(Clone, Debug)]
pub struct Notice {
    pub kind: MailKind,
    pub user: UserId,
    /// Empty for the address that the user has.
    to: Vec<Recipient>,
    /// The previous and the new address of the user.
    change: Option<(Email, Email)>,
    event: Option<EventType>,
}

#[derive(Clone, Debug)]
struct Recipient {
    email: Email,
    /// Whether the user proved that the address is theirs.
    is_proved: bool,
    locale: Option<Locale>,
}

impl Notices {
    pub fn new(kinds: Vec<MailKind>, languages: Languages) -> Self {
        Self { kinds, languages }
    }

    pub fn includes(&self, kind: MailKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Adds the notice to the outbox, except to addresses that got one of this kind a moment ago. No limit of requested mails
    /// applies. The user's row must be locked, so that of two concurrent transactions one adds it.
    pub fn enqueue(
        &self,
        connection: &mut AnyConnection,
        notice: &Notice,
        client: &ClientInfo,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Notice { kind, user, to, change, event } = notice;
        if !self.includes(*kind) {
            return Ok(());
        }
        let found =
            if to.is_empty() { users::by_id(connection, *user)?.as_ref().map(Recipient::from) } else { None };
        for recipient in to.iter().chain(&found) {
            let email = &recipient.email;
            if !notice.is_lost_by(email) && mails::exists_since(connection, *user, *kind, email, now - PAUSE)?
            {
                continue;
            }
            let mail = NewMail {
                kind: *kind,
                recipient: email.clone(),
                user: Some(*user),
                proof: None,
                requester: String::new(),
                locale: self.locale(recipient, client),
                data: data(recipient, change.as_ref(), *event, client, now),
                expires_at: now + LIFETIME,
            };
            mails::enqueue(connection, &mail, now)?;
        }
        Ok(())
    }

    /// The language that the user chose, or one of their browser's.
    fn locale(&self, recipient: &Recipient, client: &ClientInfo) -> Locale {
        let of_browser = || client.accept_language.as_deref().filter(|_| client.by.is_none());
        recipient.locale.clone().unwrap_or_else(|| self.languages.negotiate(of_browser()))
    }
}

impl Notice {
    /// To the address that the user has.
    pub fn new(kind: MailKind, user: UserId) -> Self {
        Self { kind, user, to: Vec::new(), change: None, event: None }
    }

    /// The notice about this event, if it requires nothing but the user.
    pub fn of_event(event: EventType, user: UserId) -> Option<Self> {
        let kind = match event {
            EventType::ReuseDetected => MailKind::SessionStolen,
            EventType::PasswordChanged => MailKind::PasswordChanged,
            EventType::PasswordReset => MailKind::PasswordReset,
            EventType::FactorAdded
            | EventType::FactorRemoved
            | EventType::FactorsReset
            | EventType::RecoveryCodesMade
            | EventType::RecoveryCodeUsed => MailKind::SecondFactorChanged,
            EventType::FactorLocked | EventType::PasskeySuspicious => MailKind::SecondFactorFailed,
            EventType::UserDisabled => MailKind::AccountDisabled,
            _ => return None,
        };
        let event =
            matches!(kind, MailKind::SecondFactorChanged | MailKind::SecondFactorFailed).then_some(event);
        Some(Self { event, ..Self::new(kind, user) })
    }

    /// About wrong codes after the right password.
    pub fn of_wrong_codes(user: UserId) -> Self {
        Self { event: Some(EventType::FactorFailed), ..Self::new(MailKind::SecondFactorFailed, user) }
    }

    /// To a user whose row has lost its address by now.
    pub fn of_deletion(user: &User) -> Self {
        Self { to: vec![user.into()], ..Self::new(MailKind::AccountDeleted, user.id) }
    }

    /// To the present address: another one is to replace it.
    pub fn of_requested_change(user: &User, new: &Email) -> Self {
        let change = Some((user.email.clone(), new.clone()));
        Self { to: vec![user.into()], change, ..Self::new(MailKind::EmailChangeRequested, user.id) }
    }

    /// To both addresses. `before`: the user with the previous one.
    pub fn of_change(before: &User, new: &Email, new_is_proved: bool) -> Self {
        let new_one =
            Recipient { email: new.clone(), is_proved: new_is_proved, locale: before.locale.clone() };
        Self {
            to: vec![before.into(), new_one],
            change: Some((before.email.clone(), new.clone())),
            ..Self::new(MailKind::EmailChanged, before.id)
        }
    }

    /// Whether this address loses the account. It gets this notice even if it got a notice of a change a moment ago, about
    /// becoming the address.
    fn is_lost_by(&self, email: &Email) -> bool {
        self.kind == MailKind::EmailChanged && self.change.as_ref().is_some_and(|(old, _)| old == email)
    }
}

impl From<&User> for Recipient {
    fn from(user: &User) -> Self {
        Self {
            email: user.email.clone(),
            is_proved: user.email_verified_at.is_some(),
            locale: user.locale.clone(),
        }
    }
}

/// The values for the template. An address that is not proved may belong to another person, who must not receive a text that
/// the user chose: such a mail contains no other address.
fn data(
    recipient: &Recipient,
    change: Option<&(Email, Email)>,
    event: Option<EventType>,
    client: &ClientInfo,
    now: DateTime<Utc>,
) -> Map<String, Value> {
    // Device and address of an administrator are not for the user.
    let own = Some(client).filter(|client| client.by.is_none());
    let device = own.and_then(|client| device(client.user_agent.as_deref()?));
    let mut data = json!({
        "when": now.format("%Y-%m-%d %H:%M UTC").to_string(),
        "device": device.unwrap_or_default(),
        "ip": own.and_then(ClientInfo::address).unwrap_or_default(),
        "by_administrator": client.by.is_some(),
    });
    if let Some(event) = event {
        data["event"] = event.as_str().into();
    }
    if let Some((old, new)) = change {
        let show = |email: &Email| {
            let is_shown = recipient.is_proved || *email == recipient.email;
            if is_shown { email.as_str().to_owned() } else { String::new() }
        };
        data["old_email"] = show(old).into();
        data["new_email"] = show(new).into();
    }
    data.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use test_support::TestDatabase;

    use crate::domain::audit::AuditLog;
    use crate::domain::mail::Languages;
    use crate::domain::notices::*;
    use crate::store::Database;

    struct Fixture {
        test: TestDatabase,
        database: Database,
        user: User,
    }

    fn fixture(email_verified_at: Option<DateTime<Utc>>) -> Fixture {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        let user = User { email_verified_at, ..User::sample("ann@example.org") };
        Fixture { test, database, user }
    }

    fn notices() -> Arc<Notices> {
        let languages = Languages::new(["en"], "en".parse().unwrap());
        Arc::new(Notices::new(MailKind::ALL.to_vec(), languages))
    }

    impl Fixture {
        /// Writes an audit log.
        async fn write(&self, record: impl FnOnce(&mut AuditLog, &User) + Clone + Send + 'static) {
            let user = self.user.clone();
            let write = move |connection: &mut AnyConnection| {
                users::insert(connection, &user)?;
                let mut audit =
                    AuditLog::new(DateTime::UNIX_EPOCH, ClientInfo::none()).with_notices(Some(notices()));
                record(&mut audit, &user);
                audit.write(connection)
            };
            self.database.transaction::<_, StoreError>(write).await.expect("a write");
        }

        fn mails(&self) -> Vec<String> {
            self.test.db_texts(
                "SELECT kind || ' ' || recipient || ' ' || data AS value FROM mails ORDER BY kind, recipient",
            )
        }
    }

    #[actix_web::test]
    async fn both_addresses_are_told_of_a_change() {
        let fixture = fixture(Some(DateTime::UNIX_EPOCH));
        let new = Email::from_stored("new@example.org".to_owned());
        let change = move |audit: &mut AuditLog, user: &User| {
            audit.record_requested_email_change(user, &new);
            audit.record_email_change(user, &new, true);
        };
        fixture.write(change).await;
        let mails = fixture.mails();
        let to: Vec<&str> = mails.iter().map(|mail| mail.split(" {").next().unwrap_or_default()).collect();
        assert_eq!(
            to,
            [
                "email_change_requested ann@example.org",
                "email_changed ann@example.org",
                "email_changed new@example.org"
            ]
        );
        let both = [r#""old_email":"ann@example.org""#, r#""new_email":"new@example.org""#];
        assert!(mails.iter().all(|mail| both.iter().all(|text| mail.contains(text))), "{mails:?}");
    }

    #[actix_web::test]
    async fn a_mail_to_an_unproved_address_contains_nothing_that_the_user_chose() {
        let mut fixture = fixture(None);
        fixture.user.name = Some(crate::model::DisplayName::from_stored("Win-a-prize.example".to_owned()));
        let new = Email::from_stored("win-a-prize@example.org".to_owned());
        let change = move |audit: &mut AuditLog, user: &User| {
            audit.record_requested_email_change(user, &new);
            audit.record_email_change(user, &new, false);
        };
        fixture.write(change).await;
        let mails = fixture.mails();
        let of = |to: &str| mails.iter().filter(|mail| mail.contains(&format!(" {to} "))).collect::<Vec<_>>();
        let (old, new) = (of("ann@example.org"), of("win-a-prize@example.org"));
        assert_eq!((old.len(), new.len()), (2, 1));
        assert!(old.iter().all(|mail| !mail.to_lowercase().contains("win-a-prize")), "{old:?}");
        let (_, data) = new[0].split_once('{').expect("data");
        assert!(data.contains(r#""old_email":"""#), "{data}");
    }
}
