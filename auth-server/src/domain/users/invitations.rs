//! Invitations: an administrator offers an account, and the invited person creates it with a link.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::domain::context::Context;
use crate::domain::operation::{Operation, Transaction};
use crate::domain::proofs::{self, Presented, Requested};
use crate::domain::sessions::NewSession;
use crate::domain::tokens::{IssuedTokens, ProofTokens};
use crate::domain::users::admin::{AdminError, administer};
use crate::domain::users::registration::{Account, NewUser, RegistrationError, hash_password};
use crate::model::{
    Amr, CustomClaims, DisplayName, Email, EventType, ImpossibleValue, Locale, Page, Position, Proof,
    ProofId, ProofState, Purpose, Role, Roles, User,
};
use crate::store::{AnyConnection, Database, StoreError, proofs as proofs_table, users};

/// A page begins after this invitation.
pub type Cursor = Position<ProofId>;

/// What an administrator offers.
#[derive(Clone)]
pub struct Offer {
    pub email: Email,
    pub name: Option<DisplayName>,
    pub roles: Roles,
    pub claims: CustomClaims,
    /// Language of mails to the person.
    pub locale: Option<Locale>,
}

/// An open invitation.
#[derive(Clone)]
pub struct Invitation {
    pub id: ProofId,
    pub email: Email,
    pub name: Option<DisplayName>,
    pub roles: Vec<Role>,
    pub claims: Map<String, Value>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    locale: Option<Locale>,
    /// Whether the link is sent by mail, and to no one else.
    is_mailed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    #[error("a user has this address")]
    EmailTaken,
    #[error("no such open invitation")]
    NoSuchInvitation,
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Invites a person, and withdraws earlier invitations to the same address. With `mail`, a language, the link is sent, in that
/// language unless the offer has one. Otherwise it is returned, and the caller must deliver it.
pub async fn invite(
    operation: &Operation<'_>,
    tokens: &ProofTokens,
    offer: Offer,
    mail: Option<Locale>,
) -> Result<(Invitation, Option<SecretString>), InvitationError> {
    let key_id = tokens.key_id().to_owned();
    let insert = move |tx: &mut Transaction<'_>| {
        if users::by_email(tx.connection, &offer.email)?.is_some() {
            return Err(InvitationError::EmailTaken);
        }
        proofs_table::void_of_email(tx.connection, &offer.email, Purpose::Invite, tx.now)?;
        let data = offer.data(mail.is_some());
        let Offer { email, locale, .. } = offer;
        let proof = if let Some(default) = mail {
            let locale = locale.unwrap_or(default);
            let requested = Requested { purpose: Purpose::Invite, email, user: None, data, locale };
            proofs::issue(tx, &key_id, requested)?
        } else {
            let proof = Proof { data, ..Proof::new(Purpose::Invite, email, &key_id, tx.now) };
            proofs_table::insert(tx.connection, &proof)?;
            proof
        };
        tx.audit.record(tx.audit.event(EventType::Invited).with("invitation", proof.id.to_string()));
        Ok(proof)
    };
    let proof = administer(operation, insert).await?;
    let token = tokens.token(&proof);
    let invitation = Invitation::try_from(proof).map_err(StoreError::from)?;
    let link = token.filter(|_| !invitation.is_mailed);
    Ok((invitation, link))
}

/// The page of the server where an invited person creates the account.
pub fn link(issuer: &str, token: &SecretString) -> SecretString {
    format!("{issuer}/invitation#{}", token.expose_secret()).into()
}

/// One page of the open invitations, newest first.
pub async fn page(
    database: &Database,
    now: DateTime<Utc>,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page<Invitation, Cursor>, StoreError> {
    let read = move |connection: &mut AnyConnection| {
        proofs_table::page_of_invitations(connection, cursor, limit + 1, now)
    };
    let found = database.run(read).await?;
    let cursor = |last: &Proof| Some(Cursor { at: last.created_at, id: last.id });
    let Page { items, next } = Page::new(found, limit, cursor);
    Ok(Page { items: items.into_iter().map(Invitation::try_from).collect::<Result<_, _>>()?, next })
}

/// Makes the link of an open invitation invalid.
pub async fn revoke(operation: &Operation<'_>, id: ProofId) -> Result<(), InvitationError> {
    let revoke = move |tx: &mut Transaction<'_>| {
        let is_invitation = find(tx, id)?.is_some();
        if !(is_invitation && proofs_table::void(tx.connection, id, tx.now)?) {
            return Err(InvitationError::NoSuchInvitation);
        }
        tx.audit.record(tx.audit.event(EventType::InvitationRevoked).with("invitation", id.to_string()));
        Ok(())
    };
    administer(operation, revoke).await
}

/// Sends the link of an open invitation again, in the language `default` unless the invitation has one.
pub async fn resend(operation: &Operation<'_>, id: ProofId, default: Locale) -> Result<(), InvitationError> {
    let enqueue = move |tx: &mut Transaction<'_>| {
        let proof = find(tx, id)?.ok_or(InvitationError::NoSuchInvitation)?;
        let invitation = Invitation::try_from(proof.clone()).map_err(StoreError::from)?;
        Ok(proofs::send_again(tx, &proof, invitation.locale.unwrap_or(default))?)
    };
    administer(operation, enqueue).await
}

/// Creates the user and their first session, even if registration is closed. A name in `account` replaces the one that the
/// administrator gave.
pub async fn accept(
    context: &Context,
    token: SecretString,
    account: Account,
    new_session: NewSession,
) -> Result<IssuedTokens, RegistrationError> {
    let audience = new_session.audience.clone();
    let audience = context.policy.audience(audience.as_deref()).ok_or(RegistrationError::UnknownAudience)?;
    let presented = Presented::Token { token, continuation: None };
    let checked = proofs::check(context, presented, Purpose::Invite, &new_session.client).await?;
    let invitation = Invitation::try_from(checked.proof.clone()).map_err(StoreError::from)?;
    let account = Account { name: account.name.or(invitation.name), ..account };
    let new_user = NewUser { email: invitation.email, account };
    let operation = context.operation(&new_session.client);
    let user = hash_password(&context.hasher, new_user, operation.now).await?;
    let user = User {
        roles: invitation.roles,
        claims: invitation.claims,
        locale: invitation.locale,
        // A link that an administrator delivered does not prove the mailbox.
        email_verified_at: invitation.is_mailed.then_some(operation.now),
        ..user
    };
    let session = new_session.prepare(context, user.id, Amr::password(), false, operation.now);
    let is_unverified = context.policy.requires_proof_of_email(&user);
    let logs_in = !is_unverified && session.is_enough_for(&user);
    let user = User { last_login_at: logs_in.then_some(operation.now), ..user };
    let insert = operation.transaction(move |tx| {
        checked.consume(tx)?;
        users::insert(tx.connection, &user)?;
        let admission = if is_unverified {
            tx.audit.record(tx.audit.event(EventType::Registered).of_user(user.id));
            None
        } else {
            Some(session.admit(tx, &user, EventType::Registered)?)
        };
        tx.audit.record_first_roles(&user);
        let accepted = tx.audit.event(EventType::InvitationAccepted).of_user(user.id);
        tx.audit.record(accepted.with("invitation", checked.proof.id.to_string()));
        Ok::<_, RegistrationError>((user, admission))
    });
    let outcome = insert.await;
    let label = outcome.as_ref().err().map_or("used", RegistrationError::metric_label);
    context.metrics.count_proof(Purpose::Invite, label);
    match outcome? {
        (user, Some(admission)) => Ok(admission.issue(context, user, audience)?),
        (user, None) => Err(RegistrationError::EmailUnverified(Box::new(user))),
    }
}

/// The open invitation with this id.
fn find(tx: &mut Transaction<'_>, id: ProofId) -> Result<Option<Proof>, StoreError> {
    let found = proofs_table::by_id(tx.connection, id)?;
    Ok(found.filter(|proof| proof.purpose == Purpose::Invite && proof.state(tx.now) == ProofState::Open))
}

impl Offer {
    fn data(&self, is_mailed: bool) -> Map<String, Value> {
        let name = self.name.as_ref().map(DisplayName::as_str);
        let (roles, claims) = (self.roles.clone().into_vec(), self.claims.clone().into_map());
        let locale = self.locale.as_ref().map(Locale::as_str);
        let data =
            json!({"name": name, "roles": roles, "claims": claims, "locale": locale, "mailed": is_mailed});
        data.as_object().cloned().unwrap_or_default()
    }
}

impl TryFrom<Proof> for Invitation {
    type Error = ImpossibleValue;

    fn try_from(mut proof: Proof) -> Result<Self, ImpossibleValue> {
        fn parse<T: serde::de::DeserializeOwned>(value: Option<Value>) -> Result<T, ImpossibleValue> {
            serde_json::from_value(value.unwrap_or_default())
                .map_err(|_| ImpossibleValue { column: "proofs.data" })
        }
        let mut take = |name| proof.data.remove(name);
        Ok(Self {
            name: parse::<Option<String>>(take("name"))?.map(DisplayName::from_stored),
            roles: parse(take("roles"))?,
            claims: parse(take("claims"))?,
            locale: parse::<Option<String>>(take("locale"))?.map(Locale::from_stored),
            is_mailed: parse(take("mailed"))?,
            id: proof.id,
            email: proof.email,
            created_at: proof.created_at,
            expires_at: proof.expires_at,
        })
    }
}
