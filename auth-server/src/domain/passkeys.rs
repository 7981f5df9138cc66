//! Passkeys and security keys (WebAuthn): options for browsers, and what browsers return. No ceremony is stored: the
//! challenges prove themselves.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use url::Url;
use webauthn::{
    AuthenticationResponse, Base64Url, CHALLENGE_SECONDS, Challenges, Counter, CreationOptions,
    CredentialDescriptor, Error, Kind, Purpose, Registration, RegistrationResponse, RelyingParty,
    RequestOptions, StoredCredential, Use, UserVerification,
};

use crate::domain::operation::Transaction;
use crate::model::{EventType, User, UserId, sha256};
use crate::store::passkeys::{self, Passkey};
use crate::store::{StoreError, spent_challenges};

/// Registers and verifies passkeys for this service.
pub struct Passkeys {
    pub relying_party: RelyingParty,
    challenges: Challenges,
}

/// A passkey that a client presents, and what its challenge must have been issued for.
#[derive(Clone)]
pub struct PresentedPasskey {
    pub response: AuthenticationResponse,
    pub purpose: Purpose,
    /// The session or the login.
    pub binding: Vec<u8>,
}

/// What the database says of a presented passkey. All are to be committed: a suspicious counter is recorded.
#[derive(Clone, Copy, Debug)]
pub enum PasskeyVerdict {
    Correct,
    /// Not the user's, not for this ceremony, used before, or suspicious.
    Invalid,
    /// No user has it.
    Unknown,
}

impl Passkeys {
    pub fn new(relying_party: RelyingParty, key: &[u8; 32]) -> Self {
        Self { relying_party, challenges: Challenges::new(key) }
    }

    /// The web origins that browsers accept only because this server lists them: those outside the domain of its passkeys.
    pub fn related_origins(&self) -> Vec<&str> {
        let is_own = |host: &str| {
            host == self.relying_party.id || host.ends_with(&format!(".{}", self.relying_party.id))
        };
        let is_related = |origin: &&str| {
            let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
            url.is_some_and(|url| url.host_str().is_some_and(|host| !is_own(host)))
        };
        self.relying_party.origins.iter().map(String::as_str).filter(is_related).collect()
    }

    /// Options to register a credential of a user who has `existing` ones.
    pub fn creation_options(
        &self,
        user: &User,
        kind: Kind,
        binding: &[u8],
        existing: &[Passkey],
        now: DateTime<Utc>,
    ) -> Value {
        let account = webauthn::User {
            id: Base64Url::new(user.id.as_bytes()).expect("a UUID is shorter than 64 bytes"),
            name: user.email.as_str().to_owned(),
            display_name: user.name.as_ref().map_or(user.email.as_str(), |name| name.as_str()).to_owned(),
        };
        let challenge = self.challenge(purpose_of(kind), binding, now);
        let options =
            CreationOptions::new(&self.relying_party, account, &challenge, kind, descriptors(existing));
        serde_json::to_value(options).expect("options are JSON")
    }

    /// Options to use one of `credentials`, or any passkey if there are none.
    pub fn request_options(
        &self,
        purpose: Purpose,
        binding: &[u8],
        credentials: &[Passkey],
        now: DateTime<Utc>,
    ) -> Value {
        let verification = match purpose {
            Purpose::Login => UserVerification::Required,
            _ => UserVerification::Discouraged,
        };
        let challenge = self.challenge(purpose, binding, now);
        let credentials = descriptors(credentials);
        let options = RequestOptions::new(&self.relying_party, &challenge, credentials, verification);
        serde_json::to_value(options).expect("options are JSON")
    }

    /// Verifies a new credential. Its challenge tells which kind the options asked for.
    pub fn verify_new(
        &self,
        response: &RegistrationResponse,
        binding: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(Kind, Registration), Error> {
        let mut kind = Kind::Passkey;
        let registration = response.verify(&self.relying_party, false, |challenge| {
            let is_for = |kind| self.challenges.check(challenge, purpose_of(kind), binding, seconds(now));
            is_for(Kind::Passkey).or_else(|error| {
                kind = Kind::SecurityKey;
                is_for(kind).map_err(|_| error)
            })
        })?;
        if kind == Kind::Passkey && !registration.user_verified {
            return Err(Error::UserNotVerified);
        }
        Ok((kind, registration))
    }

    /// The owner of a presented passkey, to look up before its transaction. `Err`: its client data is invalid.
    pub fn credential_id(&self, presented: &PresentedPasskey, now: DateTime<Utc>) -> Result<Vec<u8>, Error> {
        let checked = presented.response.check(&self.relying_party, |challenge| {
            self.challenges.check(challenge, presented.purpose, &presented.binding, seconds(now))
        })?;
        Ok(checked.credential_id().to_vec())
    }

    /// Decides whether the passkey is the user's, spends its challenge, and stores its counter. The transaction must have locked
    /// the user's row.
    pub fn prove(
        &self,
        presented: &PresentedPasskey,
        tx: &mut Transaction<'_>,
        user: UserId,
    ) -> Result<PasskeyVerdict, StoreError> {
        let checked = presented.response.check(&self.relying_party, |challenge| {
            self.challenges.check(challenge, presented.purpose, &presented.binding, seconds(tx.now))
        });
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => return Ok(invalid(error)),
        };
        let Some(passkey) = passkeys::by_credential(tx.connection, checked.credential_id())? else {
            return Ok(PasskeyVerdict::Unknown);
        };
        let r#use = if presented.purpose == Purpose::Login { Use::Passwordless } else { Use::SecondFactor };
        // The browser must not delete a passkey of another user as unknown.
        if passkey.user_id != user.to_string() || (r#use == Use::Passwordless && !passkey.discoverable) {
            return Ok(PasskeyVerdict::Invalid);
        }
        let stored = StoredCredential {
            id: &passkey.credential_id,
            public_key: &passkey.public_key,
            sign_count: u32::try_from(passkey.sign_count).unwrap_or(u32::MAX),
            backup_eligible: passkey.backup_eligible,
            user_handle: user.as_bytes(),
        };
        let assertion = match checked.verify(&stored, r#use) {
            Ok(assertion) => assertion,
            Err(error) => return Ok(invalid(error)),
        };
        if !spend(tx, &assertion.challenge)? {
            return Ok(PasskeyVerdict::Invalid);
        }
        if assertion.counter == Counter::Suspicious {
            // The copies of a synchronised passkey may count separately (w3c/webauthn issue 1734).
            let is_accepted = passkey.backup_eligible;
            let event = tx.audit.event(EventType::PasskeySuspicious).of_user(user);
            tx.audit.record(event.with("accepted", is_accepted));
            if !is_accepted {
                return Ok(PasskeyVerdict::Invalid);
            }
        }
        passkeys::record_use(tx.connection, &passkey.id, assertion.sign_count, assertion.backed_up, tx.now)?;
        Ok(PasskeyVerdict::Correct)
    }

    fn challenge(
        &self,
        purpose: Purpose,
        binding: &[u8],
        now: DateTime<Utc>,
    ) -> [u8; webauthn::CHALLENGE_BYTES] {
        self.challenges.issue(purpose, binding, seconds(now)).expect("a working random number generator")
    }
}

/// Uses the challenge of a successful ceremony up: of concurrent requests, one gets `true`.
pub fn spend(tx: &mut Transaction<'_>, challenge: &[u8]) -> Result<bool, StoreError> {
    let lifetime = TimeDelta::seconds(CHALLENGE_SECONDS.cast_signed());
    spent_challenges::spend(tx.connection, &sha256(challenge), tx.now + lifetime)
}

fn invalid(error: Error) -> PasskeyVerdict {
    log::info!("rejected a passkey: {error}");
    PasskeyVerdict::Invalid
}

fn purpose_of(kind: Kind) -> Purpose {
    match kind {
        Kind::Passkey => Purpose::AddPasskey,
        Kind::SecurityKey => Purpose::AddSecurityKey,
    }
}

fn descriptors(passkeys: &[Passkey]) -> Vec<CredentialDescriptor> {
    let descriptor = |passkey: &Passkey| {
        let transports = serde_json::from_str(&passkey.transports).unwrap_or_default();
        CredentialDescriptor::new(&passkey.credential_id, transports)
    };
    passkeys.iter().filter_map(descriptor).collect()
}

fn seconds(time: DateTime<Utc>) -> u64 {
    time.timestamp().try_into().unwrap_or_default()
}
