//! Registrations under `EMAIL_VERIFICATION=required`: no user exists before the address is proved. The proof contains the
//! registration, with the hash of the password.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::domain::context::Context;
use crate::domain::proofs::{self, CheckedProof, Continuation, Presented, ProofError, Requested};
use crate::domain::sessions::{Admission, NewSession};
use crate::domain::tokens::IssuedTokens;
use crate::domain::users::registration::{NewUser, RegistrationError, hash_password, open_audience};
use crate::model::{
    Amr, ClientInfo, DisplayName, EventType, Locale, PasswordHash, Proof, Purpose, User, Username,
};
use crate::store::{AnyConnection, users};

/// Requests a mail to the address. The response and the work are the same whether or not a user has the address.
pub async fn request_registration(
    context: &Context,
    new_user: NewUser,
    session: &NewSession,
    locale: Locale,
) -> Result<Continuation, RegistrationError> {
    let outcome = request(context, new_user, session, locale).await;
    let label = outcome.as_ref().err().map_or("requested", RegistrationError::metric_label);
    context.metrics.registrations.count(label);
    outcome
}

async fn request(
    context: &Context,
    new_user: NewUser,
    session: &NewSession,
    locale: Locale,
) -> Result<Continuation, RegistrationError> {
    // The session starts later, perhaps with other options, but mistakes are reported now.
    open_audience(context, session)?;
    // Usernames are public, so the response may depend on them.
    if let Some(username) = new_user.account.username.clone() {
        let find = move |connection: &mut AnyConnection| users::by_username(connection, &username);
        if context.database.run(find).await?.is_some() {
            return Err(RegistrationError::UsernameTaken);
        }
    }
    let user = hash_password(&context.hasher, new_user, context.now()).await?;
    let (purpose, data) = (Purpose::Register, data(&user));
    let requested = Requested { purpose, email: user.email, user: None, data, locale };
    Ok(proofs::request(context, requested, &session.client, |_| Ok(())).await?)
}

/// Creates the user and their first session. A link alone is not enough: its reader may not be the person who chose the
/// password. That person has the continuation, or the `password`.
pub async fn confirm_registration(
    context: &Context,
    presented: Presented,
    password: Option<SecretString>,
    new_session: NewSession,
) -> Result<IssuedTokens, RegistrationError> {
    let audience = open_audience(context, &new_session)?;
    let presented = proofs::check(context, presented, Purpose::Register, &new_session.client).await?;
    let outcome = complete(context, presented, password, new_session).await;
    let label = outcome.as_ref().err().map_or("used", RegistrationError::metric_label);
    context.metrics.count_proof(Purpose::Register, label);
    let (user, admission) = outcome?;
    context.metrics.registrations.count("succeeded");
    Ok(admission.issue(context, user, audience)?)
}

async fn complete(
    context: &Context,
    checked: CheckedProof,
    password: Option<SecretString>,
    new_session: NewSession,
) -> Result<(User, Admission), RegistrationError> {
    let client = new_session.client.clone();
    let operation = context.operation(&client);
    let user = registered(&checked.proof, operation.now)?;
    // Only without the continuation is the password verified now.
    let amr = if checked.is_by_requester { Amr::email() } else { Amr::password() };
    let checked = by_registrant(context, checked, password, &user, &client).await?;
    let session = new_session.prepare(context, user.id, amr, false, operation.now);
    let user = User { last_login_at: session.is_enough_for(&user).then_some(operation.now), ..user };
    let consumed = checked.clone();
    let insert = operation.transaction(move |tx| {
        consumed.consume(tx)?;
        // Another user may have the address by now: then the proof remains open.
        users::insert(tx.connection, &user)?;
        let admission = session.admit(tx, &user, EventType::Registered)?;
        tx.audit.record(tx.audit.event(EventType::EmailVerified).of_user(user.id));
        Ok::<_, RegistrationError>((user, admission))
    });
    let outcome = insert.await;
    if outcome.is_err() {
        checked.forget_attempt(context).await?;
    }
    outcome
}

async fn by_registrant(
    context: &Context,
    checked: CheckedProof,
    password: Option<SecretString>,
    user: &User,
    client: &ClientInfo,
) -> Result<CheckedProof, ProofError> {
    match password {
        _ if checked.is_by_requester => Ok(checked),
        Some(password) => checked.with_password(context, password, user.password_hash.clone(), client).await,
        None => Err(ProofError::Invalid("neither continuation nor password")),
    }
}

fn data(user: &User) -> Map<String, Value> {
    let data = json!({
        "username": user.username.as_ref().map(Username::as_str),
        "name": user.name.as_ref().map(DisplayName::as_str),
        "password_hash": user.password_hash.0.expose_secret(),
    });
    data.as_object().cloned().unwrap_or_default()
}

/// The user as the registration describes them, with a proved address.
fn registered(proof: &Proof, now: DateTime<Utc>) -> Result<User, ProofError> {
    let text = |name| proof.data.get(name).and_then(Value::as_str).map(str::to_owned);
    let hash = text("password_hash").ok_or(ProofError::Invalid("a user has this address"))?;
    Ok(User {
        username: text("username").map(Username::from_stored),
        name: text("name").map(DisplayName::from_stored),
        email_verified_at: Some(now),
        ..User::new(proof.email.clone(), PasswordHash(hash.into()), now)
    })
}
