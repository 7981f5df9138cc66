use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::NewSession;
use crate::domain::users::{NewUser, setup};
use crate::http::auth::register::AccountRequest;
use crate::http::extract::Json;
use crate::http::extract::refresh_token::find_all;
use crate::http::problems::{LinkInvalid, RateLimited};
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::{ClientInfo, Email};

/// The first administrator, and the options of their first session.
#[derive(Deserialize, ToSchema)]
#[schema(as = Setup)]
pub struct SetupRequest {
    /// From the link that the server logs at its start.
    #[schema(value_type = String, required)]
    token: Option<SecretString>,
    /// E-mail address. It counts as verified.
    #[schema(value_type = Email, required)]
    email: Option<String>,
    #[serde(flatten)]
    #[schema(inline)]
    account: AccountRequest,
}

/// Creates the first administrator, and a session.
///
/// Works only while the database is new: no administrator, and no user of more than a day ago. Then the server logs the link at
/// its start, also if registration is closed. It is valid for 24 hours.
#[utoipa::path(
    post, path = "/auth/setup", tag = "account", request_body = SetupRequest,
    responses(
        (status = 201, description = "The tokens of the new session", body = Tokens),
        LinkInvalid, RateLimited,
    )
)]
pub async fn set_up(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<SetupRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let token = validation.required("token", body.token);
    let email = validation.email(body.email.as_deref());
    let account = body.account.parse(&mut validation, client);
    let (token, (email, (account, session))) = validation.finish(token.zip(email.zip(account)))?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let attempt = rate_limit.count(session.client.ip)?;
    let new_user = NewUser { email, account };
    let outcome = setup::create_first_administrator(&context, token, new_user, session).await;
    if outcome.as_ref().is_err_and(|error| !error.is_attempt()) {
        rate_limit.cancel(attempt);
    }
    Ok(responses::new_session(HttpResponse::Created(), &request, cookies, &outcome?))
}
