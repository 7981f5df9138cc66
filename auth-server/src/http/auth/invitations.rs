use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::NewSession;
use crate::domain::users::{RegistrationError, invitations};
use crate::http::auth::email_verification::code_required;
use crate::http::auth::register::AccountRequest;
use crate::http::extract::Json;
use crate::http::extract::refresh_token::find_all;
use crate::http::problems::{AddressTaken, EmailCodeRequired, LinkInvalid, RateLimited};
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::ClientInfo;

/// The account that an invited person creates, and the options of their first session.
#[derive(Deserialize, ToSchema)]
#[schema(as = Acceptance)]
pub struct AcceptRequest {
    /// From the link.
    #[schema(value_type = String, required)]
    token: Option<SecretString>,
    #[serde(flatten)]
    #[schema(inline)]
    account: AccountRequest,
}

/// Creates the user of an invitation, and a session.
///
/// Works also if registration is closed. A `name` replaces the one that the administrator gave. If the request contains the
/// refresh token of another session, that session ends.
#[utoipa::path(
    post, path = "/auth/invitations/accept", tag = "account", request_body = AcceptRequest,
    responses(
        (status = 201, description = "The tokens of the new session", body = Tokens),
        EmailCodeRequired, LinkInvalid, AddressTaken, RateLimited,
    )
)]
pub async fn accept_invitation(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<AcceptRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let token = validation.required("token", body.token);
    let account = body.account.parse(&mut validation, client);
    let (token, (account, session)) = validation.finish(token.zip(account))?;
    let client = session.client.clone();
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let attempt = rate_limit.count(session.client.ip)?;
    let outcome = invitations::accept(&context, token, account, session).await;
    match &outcome {
        Err(RegistrationError::EmailUnverified(user)) => {
            return Err(code_required(&request, &context, &rate_limit, user, &client).await?);
        }
        Err(error) if !error.is_attempt() => rate_limit.cancel(attempt),
        _ => {}
    }
    Ok(responses::new_session(HttpResponse::Created(), &request, cookies, &outcome?))
}
