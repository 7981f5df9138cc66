//! Tells users about logins from places where they have not logged in before.

use std::net::IpAddr;

use crate::domain::notices::Notice;
use crate::domain::operation::Transaction;
use crate::model::{ClientSubnet, Event, EventType, MailKind, User};
use crate::store::StoreError;
use crate::store::events::{self, Filter};

/// Events of the user that are searched for earlier logins.
const EVENTS: i64 = 100;

/// Adds a notice if neither the device nor the address of this login is known, and it is not the first one. The address is
/// looked up only if the device is unknown. The event of this login must not be written yet.
///
/// The user's row, not the audit log, shows whether it is the first one: an attacker can push earlier logins out of the
/// latest events with wrong passwords.
///
/// `user`: as they were before this login. `device_is_known`: an earlier login of this user set the device token.
pub fn notify(tx: &mut Transaction<'_>, user: &User, device_is_known: bool) -> Result<(), StoreError> {
    let is_first = user.last_login_at.is_none();
    if is_first || device_is_known || !tx.audit.sends(MailKind::NewDevice) {
        return Ok(());
    }
    let filter = Filter { user: Some(user.id), ..Filter::default() };
    let events = events::page(tx.connection, &filter, None, None, None, EVENTS)?;
    let events: Vec<Event> = events.into_iter().filter_map(|(_, event)| event).collect();
    let address = tx.audit.client().ip.map(ClientSubnet::from);
    // Before the last new password, others may have logged in.
    let after = events
        .iter()
        .position(|event| is_new_password(event.kind))
        .map_or(&events[..], |last| &events[..=last]);
    let is_known = after.iter().any(|event| is_login(event) && subnet(event) == address);
    if !is_known {
        tx.audit.notify(Notice::new(MailKind::NewDevice, user.id));
    }
    Ok(())
}

/// Whether it shows that the user was there.
fn is_login(event: &Event) -> bool {
    let proves_password = matches!(
        event.kind,
        EventType::Registered
            | EventType::LoginSucceeded
            | EventType::Reauthenticated
            | EventType::PasswordChanged
    );
    proves_password && !event.is_by_other_user()
}

fn is_new_password(kind: EventType) -> bool {
    matches!(kind, EventType::PasswordChanged | EventType::PasswordReset)
}

fn subnet(event: &Event) -> Option<ClientSubnet> {
    let ip: IpAddr = event.ip.as_deref()?.parse().ok()?;
    Some(ip.into())
}
