use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::passwords::{
    AdmittedAttempt, Check, KeyedPermit, QueueFull, ThrottleError, TooManyFailures,
};
use crate::domain::tokens::ProofToken;
use crate::model::{ClientInfo, PasswordHash, Proof, ProofState, Purpose, sha256};
use crate::store::{AnyConnection, StoreError, proofs, users};

/// What a client sends to redeem a link or a code.
#[derive(Clone)]
pub enum Presented {
    Token {
        token: SecretString,
        /// Proves that the client is the one that requested the link.
        continuation: Option<SecretString>,
    },
    /// A code counts only with the continuation that the requesting client got.
    Code { continuation: SecretString, code: SecretString },
}

/// An open proof whose token or code was correct. Another request may still use it up before [`CheckedProof::consume`].
#[derive(Clone)]
pub struct CheckedProof {
    pub proof: Proof,
    /// Whether the client presented the continuation, which only the requesting client got.
    pub is_by_requester: bool,
    /// Set for a code, whose attempt was counted.
    code: Option<AdmittedGuess>,
    password: Option<AdmittedGuess>,
}

/// A code or password that the throttle admitted. Keep it until the transaction that relies on it is committed: it holds a
/// permit.
#[derive(Clone)]
struct AdmittedGuess {
    attempt: AdmittedAttempt,
    _permit: Arc<KeyedPermit>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Unknown, forged, used, void or expired, or of another purpose. Clients cannot tell which.
    #[error("the link is invalid: {0}")]
    Invalid(&'static str),
    #[error("wrong code, {attempts_left} attempts left")]
    WrongCode { attempts_left: i32 },
    #[error("wrong password of the registration")]
    WrongPassword,
    #[error(transparent)]
    TooManyFailures(#[from] TooManyFailures),
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ThrottleError> for ProofError {
    fn from(error: ThrottleError) -> Self {
        match error {
            ThrottleError::TooManyFailures(error) => error.into(),
            ThrottleError::Store(error) => error.into(),
        }
    }
}

/// Checks a token or a code without using the proof. A wrong code is counted.
pub async fn check(
    context: &Context,
    presented: Presented,
    purpose: Purpose,
    client: &ClientInfo,
) -> Result<CheckedProof, ProofError> {
    let checked = match presented {
        Presented::Token { token, continuation } => {
            check_token(context, &token, continuation.as_ref(), purpose).await
        }
        Presented::Code { continuation, code } => {
            check_code(context, &continuation, &code, purpose, client).await
        }
    };
    if let Err(error) = &checked {
        context.metrics.count_proof(purpose, error.metric_label());
    }
    checked
}

async fn check_token(
    context: &Context,
    token: &SecretString,
    continuation: Option<&SecretString>,
    purpose: Purpose,
) -> Result<CheckedProof, ProofError> {
    let proof = find(context, token).await?;
    let proof = usable(proof, purpose, |proof| proof.state(context.now()))?;
    // Comparing hashes reveals nothing about the continuation by its time.
    let is_other = |continuation| proof.continuation_hash != Some(hash(continuation));
    if continuation.is_some_and(is_other) {
        return Err(ProofError::Invalid("requested by another client"));
    }
    Ok(CheckedProof { proof, is_by_requester: continuation.is_some(), code: None, password: None })
}

/// The proof of a token, in any state.
pub(super) async fn find(context: &Context, token: &SecretString) -> Result<Proof, ProofError> {
    let token = ProofToken::parse(token).ok_or(ProofError::Invalid("malformed"))?;
    let id = token.id;
    let found = context.database.run(move |connection| proofs::by_id(connection, id)).await?;
    let proof = found.ok_or(ProofError::Invalid("unknown"))?;
    if context.proof_tokens.is_token_of(&token, &proof) {
        Ok(proof)
    } else {
        Err(ProofError::Invalid("forged"))
    }
}

/// The statements are the same for an address that no user has.
async fn check_code(
    context: &Context,
    continuation: &SecretString,
    code: &SecretString,
    purpose: Purpose,
    client: &ClientInfo,
) -> Result<CheckedProof, ProofError> {
    let hash = hash(continuation);
    let found = context.database.run(move |connection| proofs::by_continuation(connection, &hash)).await?;
    let proof = found.ok_or(ProofError::Invalid("unknown"))?;
    let proof = usable(proof, purpose, |proof| proof.code_state(context.now()))?;
    let guess = admit(context, &proof, client).await?;
    let (reserving, id) = (guess.attempt.clone(), proof.id);
    // Counted and committed before the code is compared: of a thousand concurrent codes, five are compared. The proof first,
    // as in every transaction that changes both: another order could deadlock.
    let count = move |connection: &mut AnyConnection| {
        let attempts = proofs::count_attempt(connection, id)?.ok_or(ProofError::Invalid("void"))?;
        reserving.reserve(connection)?;
        Ok::<_, ProofError>(attempts)
    };
    let attempts = context.database.transaction(count).await?;
    let is_alive = proof.code_until.is_some_and(|until| context.now() < until);
    if !(context.proof_tokens.is_code_of(code, &proof) && is_alive) {
        return Err(ProofError::WrongCode { attempts_left: Proof::MAX_ATTEMPTS - attempts });
    }
    Ok(CheckedProof { proof, is_by_requester: true, code: Some(guess), password: None })
}

/// Rejects the guess if there were too many wrong passwords or codes for this address.
async fn admit(
    context: &Context,
    proof: &Proof,
    client: &ClientInfo,
) -> Result<AdmittedGuess, ThrottleError> {
    let attempt = context.throttle.attempt(proof.email.as_str(), client);
    let permit = context.throttle.permit(&attempt).await;
    let (user, now) = (proof.user.map(|(user, _)| user), context.now());
    let admit = move |connection: &mut AnyConnection| attempt.check(connection, user, now);
    let attempt = context.database.run(admit).await?;
    Ok(AdmittedGuess { attempt, _permit: Arc::new(permit) })
}

fn hash(continuation: &SecretString) -> [u8; 32] {
    sha256(continuation.expose_secret().as_bytes())
}

fn usable(
    proof: Proof,
    purpose: Purpose,
    state: impl FnOnce(&Proof) -> ProofState,
) -> Result<Proof, ProofError> {
    if proof.purpose != purpose {
        return Err(ProofError::Invalid("of another purpose"));
    }
    match state(&proof) {
        ProofState::Open => Ok(proof),
        ProofState::Used => Err(ProofError::Invalid("used")),
        ProofState::Void => Err(ProofError::Invalid("void")),
        ProofState::Expired => Err(ProofError::Invalid("expired")),
    }
}

impl CheckedProof {
    /// Call this first in the transaction of the effect. Locks the user's row and uses the proof up: of concurrent requests,
    /// one succeeds. Fails if the user changed since the proof was made.
    pub fn consume(&self, tx: &mut Transaction<'_>) -> Result<(), ProofError> {
        if let Some((user, version)) = self.proof.user
            && !users::lock_version(tx.connection, user, version)?
        {
            return Err(ProofError::Invalid("the user has changed"));
        }
        // The attempt of this code is counted already.
        let max_attempts = Proof::MAX_ATTEMPTS - i32::from(self.code.is_none());
        if !proofs::consume(tx.connection, self.proof.id, max_attempts, tx.now)? {
            return Err(ProofError::Invalid("used meanwhile"));
        }
        for guess in self.code.iter().chain(&self.password) {
            guess.attempt.clear(tx.connection)?;
        }
        Ok(())
    }

    /// Verifies the password of a registration, which the proof contains as this hash. A wrong one counts as a wrong password at
    /// login does. Only for a link: a code has a permit of the throttle already, and two could wait for each other.
    pub async fn with_password(
        self,
        context: &Context,
        password: SecretString,
        hash: PasswordHash,
        client: &ClientInfo,
    ) -> Result<Self, ProofError> {
        let guess = admit(context, &self.proof, client).await?;
        let slot = context.hasher.reserve()?;
        let reserving = guess.attempt.clone();
        let reserve = move |connection: &mut AnyConnection| reserving.reserve(connection);
        context.database.transaction(reserve).await?;
        match context.hasher.check(slot, password, Some(hash)).await? {
            Check::Correct | Check::CorrectButOutdated => Ok(Self { password: Some(guess), ..self }),
            Check::Wrong => Err(ProofError::WrongPassword),
        }
    }

    /// For requests that fail for another reason: the code or password was correct, so the attempt does not count.
    pub async fn forget_attempt(&self, context: &Context) -> Result<(), StoreError> {
        if self.code.is_none() && self.password.is_none() {
            return Ok(());
        }
        let (checked, id) = (self.clone(), self.proof.id);
        let forget = move |connection: &mut AnyConnection| {
            if checked.code.is_some() {
                proofs::forget_attempt(connection, id)?;
            }
            for guess in checked.code.iter().chain(&checked.password) {
                guess.attempt.clear(connection)?;
            }
            Ok(())
        };
        context.database.transaction(forget).await
    }
}

impl ProofError {
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::WrongCode { .. } => "wrong_code",
            Self::WrongPassword => "wrong_password",
            Self::TooManyFailures(_) => "throttled",
            Self::QueueFull(_) => "busy",
            Self::Store(_) => "unavailable",
        }
    }
}
