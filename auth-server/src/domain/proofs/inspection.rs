use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::proofs::redemption::{ProofError, find};
use crate::model::{Email, ProofState, Purpose};

/// What a page can show before a link is used.
pub struct Inspection {
    pub purpose: Purpose,
    /// With its first character and its domain.
    pub masked_email: String,
    /// Seconds.
    pub expires_in: i64,
    pub needs: Need,
}

/// What the link requires beside its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A password that the user chooses now.
    NewPassword,
    /// The user's password, unless the page has the continuation, or a session of the user.
    Password,
    /// A session of the user.
    Session,
}

/// Describes a link without using it.
pub async fn inspect(context: &Context, token: &SecretString) -> Result<Inspection, ProofError> {
    let (proof, now) = (find(context, token).await?, context.now());
    if proof.state(now) != ProofState::Open || !proof.purpose.has_link() {
        return Err(ProofError::Invalid("not open"));
    }
    Ok(Inspection {
        purpose: proof.purpose,
        masked_email: masked(&proof.email),
        expires_in: (proof.expires_at - now).num_seconds(),
        needs: match proof.purpose {
            Purpose::Reset | Purpose::Invite => Need::NewPassword,
            Purpose::Register | Purpose::Verify => Need::Password,
            Purpose::Change | Purpose::Enrol => Need::Session,
        },
    })
}

fn masked(email: &Email) -> String {
    let (local, domain) = email.as_str().rsplit_once('@').unwrap_or((email.as_str(), ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}…@{domain}")
}

#[cfg(test)]
mod tests {
    use crate::domain::proofs::inspection::masked;
    use crate::model::Email;

    #[test]
    fn an_address_is_masked_but_for_its_first_character_and_its_domain() {
        for (email, shown) in [
            ("ann@example.org", "a…@example.org"),
            ("a@example.org", "a…@example.org"),
            ("äöü@example.org", "ä…@example.org"),
            ("\"a@b\"@example.org", "\"…@example.org"),
        ] {
            assert_eq!(masked(&Email::from_stored(email.to_owned())), shown);
        }
    }
}
