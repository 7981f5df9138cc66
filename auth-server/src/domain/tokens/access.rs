use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use shared_claims::{AccessClaims, Audience};
use uuid::Uuid;

use crate::domain::context::Context;
use crate::domain::keys::UnusableKey;
use crate::domain::tokens::SessionSecret;
use crate::model::{Delivery, DeviceToken, Role, Session, User};

/// A signed access token.
pub struct AccessToken {
    /// JWT for resource servers.
    pub token: String,
    /// Seconds for which it is good.
    pub expires_in: i64,
    /// Seconds until the session is over at the latest.
    pub session_ends_in: i64,
    /// Its `csrf` claim, where it travels in a cookie.
    pub csrf: Option<String>,
}

/// What a login or a refresh hands out.
pub struct IssuedTokens {
    /// For resource servers.
    pub access_token: AccessToken,
    /// The session's newest refresh token.
    pub refresh_token: SecretString,
    /// The session as it is now.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// What a login leaves at the device.
    pub device: Option<DeviceToken>,
}

/// Signs a pair for the session's present generation.
pub fn issue(
    context: &Context,
    user: User,
    session: Session,
    secret: &SessionSecret,
    audience: &str,
) -> Result<IssuedTokens, UnusableKey> {
    let now = context.now();
    Ok(IssuedTokens {
        access_token: access_token(context, &user, &session, secret, audience)?,
        refresh_token: context.refresh_tokens.issue(&session, secret, now)?,
        session,
        user,
        device: None,
    })
}

/// Signs an access token alone.
pub fn access_token(
    context: &Context,
    user: &User,
    session: &Session,
    secret: &SessionSecret,
    audience: &str,
) -> Result<AccessToken, UnusableKey> {
    let now = context.now();
    let expires_at = (now + context.lifetimes.access_token).min(session.expires_at);
    let csrf = (session.delivery == Delivery::BothCookies).then(|| secret.csrf_token());
    let claims = AccessClaims { csrf, ..claims(context, user, session, audience, now, expires_at) };
    Ok(AccessToken {
        token: context.keys.sign(&claims)?,
        expires_in: (expires_at - now).num_seconds().max(0),
        session_ends_in: whole_seconds(session.expires_at - now),
        csrf: claims.csrf,
    })
}

/// Rounded up: a cookie must not go before its session.
fn whole_seconds(span: TimeDelta) -> i64 {
    (span + TimeDelta::milliseconds(999)).num_seconds().max(0)
}

fn claims(
    context: &Context,
    user: &User,
    session: &Session,
    audience: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> AccessClaims {
    AccessClaims {
        iss: context.policy.issuer.clone(),
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
        amr: vec!["pwd".to_owned()],
        roles: user.roles.iter().map(Role::as_str).map(str::to_owned).collect(),
        name: user.greeting_name().to_owned(),
        csrf: None,
        custom: user.claims.clone(),
    }
}
