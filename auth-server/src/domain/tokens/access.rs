use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use shared_claims::{AccessClaims, Audience};
use uuid::Uuid;

use crate::domain::keys::{KeyRing, UnusableKey};
use crate::domain::tokens::SessionSecret;
use crate::model::{Delivery, DeviceToken, Role, Session, User};

pub struct AccessTokens {
    issuer: String,
    lifetime: TimeDelta,
    keys: Arc<KeyRing>,
}

pub struct AccessToken {
    /// The JWT, for resource servers.
    pub token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// Seconds until its session expires.
    pub session_ends_in: i64,
    /// Its `csrf` claim, if it is delivered in a cookie.
    pub csrf: Option<String>,
}

/// What registration, login and refresh return.
pub struct IssuedTokens {
    pub access_token: AccessToken,
    pub refresh_token: SecretString,
    pub session: Session,
    pub user: User,
    /// Roles of the user that the session does not have.
    pub withheld_roles: Vec<Role>,
    /// For the device cookie that a login sets in browsers.
    pub device: Option<DeviceToken>,
}

impl AccessTokens {
    /// Tokens expire after `lifetime`, or with their session if that is sooner.
    pub fn new(issuer: &str, lifetime: TimeDelta, keys: Arc<KeyRing>) -> Self {
        Self { issuer: issuer.to_owned(), lifetime, keys }
    }

    pub fn issue(
        &self,
        user: &User,
        withheld_roles: &[Role],
        session: &Session,
        secret: &SessionSecret,
        audience: &str,
        now: DateTime<Utc>,
    ) -> Result<AccessToken, UnusableKey> {
        let expires_at = (now + self.lifetime).min(session.expires_at);
        let roles = user.roles.iter().filter(|role| !withheld_roles.contains(role));
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            sub: user.id.to_string(),
            aud: Audience::One(audience.to_owned()),
            client_id: session.client_id.clone(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            nbf: None,
            jti: Uuid::new_v4().to_string(),
            token_type: shared_claims::claims::ACCESS.to_owned(),
            sid: session.id.to_string(),
            uv: i64::try_from(user.version).unwrap_or(i64::MAX),
            auth_time: session.auth_time.timestamp(),
            amr: session.amr.methods().to_vec(),
            acr: session.amr.acr(),
            roles: roles.map(Role::as_str).map(str::to_owned).collect(),
            name: user.greeting_name().to_owned(),
            csrf: (session.delivery == Delivery::BothCookies).then(|| secret.csrf_token()),
            custom: &user.claims,
        };
        Ok(AccessToken {
            token: self.keys.sign(&claims)?,
            expires_in: (expires_at - now).num_seconds().max(0),
            session_ends_in: whole_seconds(session.expires_at - now),
            csrf: claims.csrf,
        })
    }
}

/// Rounded up: a cookie must not expire before its session.
fn whole_seconds(span: TimeDelta) -> i64 {
    (span + TimeDelta::milliseconds(999)).num_seconds().max(0)
}
