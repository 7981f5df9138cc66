use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::proofs::Presented;
use crate::domain::sessions::NewSession;
use crate::domain::users;
use crate::http::auth::session_options::SessionOptions;
use crate::http::extract::Json;
use crate::http::extract::refresh_token::find_all;
use crate::http::problems::{AddressTaken, ConfirmationProblems, RateLimited, RegistrationClosed};
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::ClientInfo;

/// A token or a code, what proves that the same person registered, and the options of the session.
#[derive(Deserialize, ToSchema)]
#[schema(as = Confirmation)]
pub struct ConfirmRequest {
    /// The fragment of the link. Required unless `code` is present.
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// From the response to `POST /auth/register`. Required with `code`.
    #[schema(value_type = Option<String>)]
    continuation: Option<SecretString>,
    /// The code in the mail: 8 digits, which may be grouped by spaces and hyphens.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){8}$")]
    code: Option<SecretString>,
    /// The password that the user chose. Required unless `continuation` is present.
    #[schema(value_type = Option<String>, format = "password")]
    password: Option<SecretString>,
    #[serde(flatten)]
    #[schema(inline)]
    session: SessionOptions,
}

/// Completes a registration: creates the user and a session.
///
/// A link alone is not enough. Its reader may be another person than the one who registered with this address and chose the
/// password. If the request contains the refresh token of another session, that session ends.
#[utoipa::path(
    post, path = "/auth/register/confirm", tag = "session", request_body = ConfirmRequest,
    responses(
        (status = 201, description = "The tokens of the new session", body = Tokens),
        ConfirmationProblems, RegistrationClosed, AddressTaken, RateLimited,
    )
)]
pub async fn confirm_registration(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<ConfirmRequest>,
) -> Result<HttpResponse, Problem> {
    let (presented, password, session) = body.parse(client)?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let attempt = rate_limit.count(session.client.ip)?;
    let outcome = users::confirm_registration(&context, presented, password, session).await;
    if outcome.as_ref().is_err_and(|error| !error.is_attempt()) {
        rate_limit.cancel(attempt);
    }
    Ok(responses::new_session(HttpResponse::Created(), &request, cookies, &outcome?))
}

impl ConfirmRequest {
    fn parse(self, client: ClientInfo) -> Result<(Presented, Option<SecretString>, NewSession), Problem> {
        let mut validation = Validation::default();
        let presented = validation.presented(self.token, self.continuation, self.code);
        let password = match (&presented, self.password) {
            (_, Some(password)) => validation.password("password", Some(password)),
            (Some(Presented::Token { continuation: None, .. }), None) => {
                validation.reject("password", "is missing: send password or continuation");
                None
            }
            (_, None) => None,
        };
        let session = self.session.parse(&mut validation, client);
        Ok((validation.finish(presented)?, password, session))
    }
}
