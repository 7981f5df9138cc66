//! Setup: a person with the link that a new database offers creates the first administrator.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::proofs::ProofError;
use crate::domain::sessions::NewSession;
use crate::domain::tokens::{IssuedTokens, SetupToken};
use crate::domain::users::admin::lock_administrators;
use crate::domain::users::registration::{NewUser, RegistrationError, hash_password};
use crate::model::{Actor, Amr, ClientInfo, EventType, Role, User};
use crate::store::{AnyConnection, StoreError, migrations, signing_keys, users};

/// Others can read the log later. A database whose first user is older is not new.
const LIFETIME: TimeDelta = TimeDelta::hours(24);
const NOT_NEW: &str = "the database is not new";

/// The link that creates the first administrator.
pub struct SetupLink {
    pub url: SecretString,
    pub expires_at: DateTime<Utc>,
}

/// `None` if the database is not new, or if there is no secret that links are derived from.
pub async fn link(context: &Context) -> Result<Option<SetupLink>, StoreError> {
    let Some(database) = new_database(context).await? else { return Ok(None) };
    let expires_at = expiry(context.now());
    let link = |token: SecretString| SetupLink {
        url: format!("{}/setup#{}", context.policy.issuer, token.expose_secret()).into(),
        expires_at,
    };
    Ok(context.setup_tokens.issue(&database, expires_at).map(link))
}

/// Creates the first administrator and their first session, even if registration is closed.
pub async fn create_first_administrator(
    context: &Context,
    token: SecretString,
    new_user: NewUser,
    new_session: NewSession,
) -> Result<IssuedTokens, RegistrationError> {
    let outcome = create(context, token, new_user, new_session).await;
    let label = outcome.as_ref().err().map_or("succeeded", RegistrationError::metric_label);
    context.metrics.registrations.count(label);
    outcome
}

async fn create(
    context: &Context,
    token: SecretString,
    new_user: NewUser,
    new_session: NewSession,
) -> Result<IssuedTokens, RegistrationError> {
    let audience = new_session.audience.clone();
    let audience = context.policy.audience(audience.as_deref()).ok_or(RegistrationError::UnknownAudience)?;
    check(context, &token).await?;
    // A person who can read the link in the log can also run an operator's commands.
    let operator = ClientInfo { by: Some(Actor::Operator), ..new_session.client.clone() };
    let operation = context.operation(&operator);
    let user = User {
        roles: vec![Role::admin()],
        // An operator can verify any address. With EMAIL_VERIFICATION=required, and before mail works, no one else could.
        email_verified_at: Some(operation.now),
        ..hash_password(&context.hasher, new_user, operation.now).await?
    };
    let session = new_session.prepare(context, user.id, Amr::password(), false, operation.now);
    let user = User { last_login_at: session.is_enough_for(&user).then_some(operation.now), ..user };
    let insert = operation.transaction(move |tx: &mut Transaction<'_>| {
        // Only the first of concurrent requests finds no administrator.
        lock_administrators(tx.connection)?;
        if users::any_administrator_or_earlier(tx.connection, tx.now - LIFETIME)? {
            return Err(invalid(NOT_NEW));
        }
        users::insert(tx.connection, &user)?;
        tx.audit.record_first_roles(&user);
        let admission = session.admit(tx, &user, EventType::Registered)?;
        Ok((user, admission))
    });
    let (user, admission) = insert.await?;
    Ok(admission.issue(context, user, audience)?)
}

/// Before the password is hashed, so that a request with an invalid link costs little.
async fn check(context: &Context, token: &SecretString) -> Result<(), RegistrationError> {
    let token = SetupToken::parse(token).ok_or(invalid("malformed"))?;
    let database = new_database(context).await?.ok_or(invalid(NOT_NEW))?;
    let is_valid = context.setup_tokens.is_valid(&token, &database, context.now());
    is_valid.then_some(()).ok_or(invalid("forged, expired, or of another database"))
}

/// Identifies the database if it is new: it has no administrator, and no user of more than a day ago. So the first visitor who
/// registers does not disable the link, and an existing database never offers one. Its first signing key, which HS256 does not
/// have, and the time of its creation identify it, so that a link does not open a database that is created again.
async fn new_database(context: &Context) -> Result<Option<String>, StoreError> {
    let since = context.now() - LIFETIME;
    let identify = move |connection: &mut AnyConnection| {
        if users::any_administrator_or_earlier(connection, since)? {
            return Ok(None);
        }
        let kid = signing_keys::first_kid(connection)?.unwrap_or_default();
        Ok(Some(format!("{kid} {}", migrations::created_at(connection)?)))
    };
    context.database.run(identify).await
}

/// A whole hour, so that servers that start together have the same link.
fn expiry(now: DateTime<Utc>) -> DateTime<Utc> {
    let end = now + LIFETIME;
    end.duration_trunc(TimeDelta::hours(1)).unwrap_or(end)
}

fn invalid(reason: &'static str) -> RegistrationError {
    ProofError::Invalid(reason).into()
}
