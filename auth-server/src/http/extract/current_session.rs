use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use shared_claims::{Challenge, Code, Problem};

use crate::domain::context::Context;
use crate::domain::operation::Operation;
use crate::domain::sessions::{self, CurrentSession, Presentation};
use crate::domain::user_limits::TooManyChanges;
use crate::http::Cookies;
use crate::http::errors::{role_required, stronger_login};
use crate::http::extract::refresh_token::{self, ReceivedToken};
use crate::http::extract::{Extraction, app_data, idempotency_key};
use crate::model::{Actor, ClientInfo, Role, Session, UserId};

/// The session of an administrator. Rejects like [`CurrentSession`], and with 403 `role_required`. The role is that in the
/// database, not that in a token.
pub struct AdminSession {
    pub session: Session,
}

/// The same for calls that change something. Rejects also with 403 `fresh_login_required`.
pub struct FreshAdminSession {
    administrator: UserId,
    client: ClientInfo,
}

/// The session of the request's refresh token, which is not rotated.
///
/// Rejects with 401 `missing_token`, `invalid_token`, `token_stale` or `session_ended`, each with a challenge (RFC 6750 §3).
/// A handler with a body calls `CurrentSession::extract` instead of taking it as an argument: actix polls all extractors of
/// a handler together, and an invalid body is to be reported before a missing token.
impl FromRequest for CurrentSession {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let cookies = Cookies::extract(&request).await?;
            let client = ClientInfo::extract(&request).await?;
            let context = app_data::<web::Data<Context>>(&request)?;
            let received = received_token(&request, context, cookies)?;
            Ok(sessions::by_refresh_token(context, &received.token, &client).await?)
        })
    }
}

/// The session of a call that proves the password and rotates it. Rejects like [`CurrentSession`].
pub async fn session_to_rotate(request: &HttpRequest) -> Result<(CurrentSession, Presentation), Problem> {
    let idempotency_key = idempotency_key(request)?;
    let cookies = Cookies::extract(request).await?;
    let client = ClientInfo::extract(request).await?;
    let context = app_data::<web::Data<Context>>(request)?;
    let ReceivedToken { token, transport } = received_token(request, context, cookies)?;
    let current = sessions::to_rotate(context, &token, idempotency_key, &client).await?;
    Ok((current, Presentation { transport, idempotency_key }))
}

fn received_token(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
) -> Result<ReceivedToken, Problem> {
    let received = refresh_token::find(request, context, cookies)?;
    received.ok_or_else(|| Problem::new(Code::MissingToken).challenge(Challenge::NoToken))
}

impl FromRequest for AdminSession {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let session = administrator(&request).await?.session;
            Ok(Self { session })
        })
    }
}

impl FromRequest for FreshAdminSession {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let current = administrator(&request).await?;
            current.require_fresh_login(app_data::<web::Data<Context>>(&request)?.now())?;
            let client = ClientInfo::extract(&request).await?;
            Ok(Self { administrator: current.user.id, client })
        })
    }
}

impl FreshAdminSession {
    /// Counts a change by the administrator, who is the actor of its events.
    pub fn operation<'a>(&self, context: &'a Context) -> Result<Operation<'a>, TooManyChanges> {
        context.user_limits.count_administration(self.administrator)?;
        let by = Some(Actor::Administrator(self.administrator));
        Ok(context.operation(&ClientInfo { by, ..self.client.clone() }))
    }
}

async fn administrator(request: &HttpRequest) -> Result<CurrentSession, Problem> {
    let current = CurrentSession::extract(request).await?;
    if !current.user.is_administrator() {
        return Err(role_required());
    }
    let context = app_data::<web::Data<Context>>(request)?;
    if context.policy.withheld_roles(&current.user, current.session.amr.acr()).contains(&Role::admin()) {
        return Err(stronger_login());
    }
    Ok(current)
}
