use secrecy::SecretString;

use crate::domain::operation::Transaction;
use crate::domain::tokens::ProofTokens;
use crate::model::{EventType, Locale, Proof, ProofId, ProofState, Purpose, User};
use crate::store::{StoreError, proofs, users};

const NOT_OPEN: &str = "the link is used, void or expired";

/// What to do with the mail of a proof.
pub enum Outcome {
    Send(Contents),
    /// A mail without link and code, in the language that the user chose: a registration used the address of a user.
    AlreadyRegistered(Option<Locale>),
    /// Nothing. The reason is for operators.
    Drop(&'static str),
    /// Nothing yet: another server can send it.
    Later(&'static str),
}

/// The parts of the mail that the outbox does not contain.
pub struct Contents {
    pub purpose: Purpose,
    /// For the fragment of the link's URL.
    pub token: SecretString,
    /// `None` for a link that no client waits for.
    pub code: Option<SecretString>,
    /// The language that the user with this address chose.
    pub locale: Option<Locale>,
}

/// Prepares the mail of a proof, at each attempt to send it: the lifetimes begin now. This, and not the request, looks up
/// whether a user has the address.
pub fn contents(tx: &mut Transaction<'_>, tokens: &ProofTokens, id: ProofId) -> Result<Outcome, StoreError> {
    let Some(mut proof) = proofs::by_id(tx.connection, id)? else {
        return Ok(Outcome::Drop("the proof is gone"));
    };
    if proof.state(tx.now) != ProofState::Open {
        return Ok(Outcome::Drop(NOT_OPEN));
    }
    let Some(token) = tokens.token(&proof) else {
        return Ok(Outcome::Later("the link requires another KEY_ENCRYPTION_SECRET"));
    };
    let owner = users::by_email(tx.connection, &proof.email)?;
    let locale = owner.as_ref().and_then(|owner| owner.locale.clone());
    let outcome = if proof.purpose == Purpose::Register && is_taken(&mut proof, owner.as_ref()) {
        match owner {
            Some(owner) if owner.created_at <= proof.created_at => Outcome::AlreadyRegistered(locale),
            Some(_) => Outcome::Drop("another registration of this address was completed"),
            None => Outcome::Drop("the user who had this address is gone"),
        }
    } else if proof.purpose == Purpose::Invite && owner.is_some() {
        proofs::void(tx.connection, id, tx.now)?;
        return Ok(Outcome::Drop("a user has this address"));
    } else if let Some(reason) = obstacle(tx, &mut proof, owner)? {
        Outcome::Drop(reason)
    } else {
        let code = tokens.code(&proof).filter(|_| proof.continuation_hash.is_some());
        Outcome::Send(Contents { purpose: proof.purpose, token, code, locale })
    };
    // For an address without a user too: its codes must expire like those of any other.
    proof.expires_at = tx.now + proof.purpose.lifetime();
    proof.code_until = Some(tx.now + Proof::CODE_LIFETIME);
    // The proof may have been used or revoked since it was read.
    let is_open = proofs::set_prepared(tx.connection, &proof, tx.now)?;
    Ok(if is_open { outcome } else { Outcome::Drop(NOT_OPEN) })
}

/// Whether a user has the address of a registration, or had it at an earlier attempt to send the mail. Then the registration can
/// never be completed: it is deleted. The proof stays open, because wrong codes must have the same response as for a free address.
fn is_taken(proof: &mut Proof, owner: Option<&User>) -> bool {
    if owner.is_some() {
        proof.data.clear();
    }
    proof.data.is_empty()
}

/// Why the mail must not be sent, if so. `owner`: the user who has the address. Names them in the proof of a reset.
fn obstacle(
    tx: &mut Transaction<'_>,
    proof: &mut Proof,
    owner: Option<User>,
) -> Result<Option<&'static str>, StoreError> {
    Ok(match (proof.purpose, proof.user, owner) {
        (Purpose::Reset, None, None) => Some("no user has this address"),
        (Purpose::Reset, None, Some(owner)) if owner.disabled_at.is_some() => Some("the user is disabled"),
        (Purpose::Reset, None, Some(owner)) => {
            proof.user = Some((owner.id, owner.version));
            tx.audit.record(tx.audit.event(EventType::PasswordResetRequested).of_user(owner.id));
            None
        }
        (Purpose::Register | Purpose::Invite, _, _) => None,
        (Purpose::Change, Some((user, _)), Some(owner)) if owner.id != user => {
            Some("another user has this address")
        }
        (_, Some((id, version)), _) => {
            let user = users::by_id(tx.connection, id)?;
            match user.filter(|user| user.version == version) {
                None => Some("the user has changed"),
                Some(user) if proof.purpose == Purpose::Verify && user.email_verified_at.is_some() => {
                    Some("the address is verified")
                }
                Some(_) => None,
            }
        }
        (Purpose::Verify | Purpose::Change | Purpose::Enrol, None, _) => Some("the proof has no user"),
    })
}
