use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::NewSession;
use crate::domain::users::{self, Account, NewUser};
use crate::http::auth::session_options::SessionOptions;
use crate::http::extract::refresh_token::find_all;
use crate::http::extract::{Json, accept_language};
use crate::http::problems::{AddressTaken, RateLimited, RegistrationClosed};
use crate::http::rate_limit::CountedAttempt;
use crate::http::responses::{self, ContinuationBody, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::{ClientInfo, DisplayName, Email, EmailVerification, Username};

/// A new user, and the options of their first session.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
pub struct RegisterRequest {
    /// Unique e-mail address.
    #[schema(value_type = Email, required)]
    email: Option<String>,
    #[serde(flatten)]
    #[schema(inline)]
    account: AccountRequest,
}

/// What a person chooses for a new account, and the options of its first session.
#[derive(Deserialize, ToSchema)]
pub struct AccountRequest {
    /// 9 to 128 characters, hard to guess.
    #[schema(value_type = String, required, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// Unique username.
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    /// Display name.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
    #[serde(flatten)]
    #[schema(inline)]
    session: SessionOptions,
}

/// Creates a user and a session.
///
/// If the server requires proved addresses, it creates neither: a mail completes the registration, with
/// `/auth/register/confirm`. The response is then the same for the address of a user. If the request contains the refresh token of another session, that session ends.
#[utoipa::path(
    post, path = "/auth/register", tag = "session", request_body = RegisterRequest,
    responses(
        (status = 201, description = "The tokens of the new session", body = Tokens),
        (status = 202, description = "A mail completes the registration", body = ContinuationBody),
        RegistrationClosed, AddressTaken, RateLimited,
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
    let mut validation = Validation::default();
    let email = validation.email(body.email.as_deref());
    let account = body.account.parse(&mut validation, client);
    let (email, (account, session)) = validation.finish(email.zip(account))?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let counted = count(&context, &rate_limit, session.client.ip);
    let (attempt, may_mail) = counted.inspect_err(|_| context.metrics.registrations.count("throttled"))?;
    let (new_user, locale) = (NewUser { email, account }, context.locale(accept_language(&request)));
    let outcome = if context.policy.email_verification == EmailVerification::Required {
        let requested = users::request_registration(&context, new_user, &session, locale).await;
        requested.map(|continuation| HttpResponse::Accepted().json(ContinuationBody::from(&continuation)))
    } else {
        let created = users::register(&context, new_user, session, may_mail.then_some(locale)).await;
        created.map(|issued| responses::new_session(HttpResponse::Created(), &request, cookies, &issued))
    };
    // Successful registrations remain counted: each creates a user or a mail.
    if outcome.as_ref().is_err_and(|error| !error.is_attempt()) {
        rate_limit.cancel(attempt);
    }
    Ok(outcome?)
}

/// Counts a registration. Returns also whether it may send a mail: without one that is required, it fails.
fn count(
    context: &Context,
    rate_limit: &LoginRateLimit,
    ip: Option<IpAddr>,
) -> Result<(CountedAttempt, bool), Problem> {
    let attempt = rate_limit.count(ip)?;
    let may_mail = match context.policy.email_verification {
        EmailVerification::Off => false,
        EmailVerification::Optional => rate_limit.count_mail_of_attempt(ip).is_ok(),
        EmailVerification::Required => rate_limit.count_mail_of_attempt(ip).map(|()| true)?,
    };
    Ok((attempt, may_mail))
}

impl AccountRequest {
    pub fn parse(self, validation: &mut Validation, client: ClientInfo) -> Option<(Account, NewSession)> {
        let password = validation.password("password", self.password);
        let username = validation.username(self.username.as_deref());
        let name = validation.display_name(self.name.as_deref());
        let session = self.session.parse(validation, client);
        password.map(|password| (Account { username, name, password }, session))
    }
}
