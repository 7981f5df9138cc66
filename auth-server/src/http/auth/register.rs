use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::NewSession;
use crate::domain::users::{self, NewUser};
use crate::http::extract::Json;
use crate::http::extract::refresh_token::find_all;
use crate::http::problems::{RateLimited, RegistrationProblems};
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::{ClientInfo, Delivery, DisplayName, Email, Username};

/// A new user, and the options of their first session.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
pub struct RegisterRequest {
    /// Unique e-mail address.
    #[schema(value_type = Email, required)]
    email: Option<String>,
    /// 9 to 128 characters, hard to guess.
    #[schema(value_type = String, required, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// Unique username.
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    /// Display name.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
    /// With `false` the cookies end with the browser.
    #[schema(default = true)]
    remember: Option<bool>,
    /// How the tokens of the session are delivered.
    #[schema(value_type = Option<Delivery>)]
    token_delivery: Option<String>,
    audience: Option<String>,
}

/// Creates a user and a session.
///
/// If the request contains the refresh token of another session, that session ends.
#[utoipa::path(
    post, path = "/auth/register", tag = "session", request_body = RegisterRequest,
    responses(
        (status = 201, description = "The tokens of the new session", body = Tokens),
        RegistrationProblems, RateLimited,
    )
)]
pub async fn register(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<RegisterRequest>,
) -> Result<HttpResponse, Problem> {
    let (user, session) = body.parse(client)?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let counted = rate_limit.count(session.client.ip);
    let attempt = counted.inspect_err(|_| context.metrics.registrations.count("throttled"))?;
    let outcome = users::register(&context, user, session).await;
    // Successful registrations remain counted: each creates a user.
    if outcome.as_ref().is_err_and(|error| !error.is_attempt()) {
        rate_limit.cancel(attempt);
    }
    let issued = outcome?;
    Ok(responses::new_session(HttpResponse::Created(), &request, cookies, &issued))
}

impl RegisterRequest {
    fn parse(self, client: ClientInfo) -> Result<(NewUser, NewSession), Problem> {
        let mut validation = Validation::default();
        let email = validation.email(self.email.as_deref());
        let password = validation.password("password", self.password);
        let username = validation.username(self.username.as_deref());
        let name = validation.display_name(self.name.as_deref());
        let delivery = validation.delivery(self.token_delivery.as_deref());
        let (email, password) = validation.finish(email.zip(password))?;
        let session = NewSession {
            delivery,
            remember: self.remember.unwrap_or(true),
            audience: self.audience,
            client,
            superseded: Vec::new(),
        };
        Ok((NewUser { email, username, name, password }, session))
    }
}
