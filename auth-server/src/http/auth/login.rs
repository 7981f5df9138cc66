use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::{self, Credentials, LoginError, NewSession};
use crate::http::auth::email_verification::code_required;
use crate::http::auth::session_options::SessionOptions;
use crate::http::extract::Json;
use crate::http::extract::refresh_token::find_all;
use crate::http::problems::{LoginProblems, PasswordChangeRequired};
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::{ClientInfo, Email, Username};

/// A user's credentials, and the options of the session.
#[derive(Deserialize, ToSchema)]
#[schema(as = Login)]
pub struct LoginRequest {
    /// Required unless `username` is present.
    #[schema(value_type = Option<Email>)]
    email: Option<String>,
    /// Required unless `email` is present.
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    /// The user's password.
    #[schema(value_type = String, required, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// Replaces a password that an operator set. Only then, after `password_change_required`.
    #[schema(value_type = Option<String>, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    new_password: Option<SecretString>,
    #[serde(flatten)]
    #[schema(inline)]
    session: SessionOptions,
}

/// Creates a session.
///
/// If the request contains the refresh token of another session, that session ends. An unknown user, a wrong password and a
/// disabled user get the same response.
#[utoipa::path(
    post, path = "/auth/login", tag = "session", request_body = LoginRequest,
    responses(
        (status = 200, description = "The tokens of the new session", body = Tokens),
        LoginProblems, PasswordChangeRequired,
    )
)]
pub async fn log_in(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<LoginRequest>,
) -> Result<HttpResponse, Problem> {
    let (credentials, new_password, session) = body.parse(client)?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let client = session.client.clone();
    let counted = rate_limit.count_login(&context, &credentials.identifier, &session.client).await;
    let attempt = counted.inspect_err(|problem| count_rejection(&context, problem))?;
    let outcome = sessions::log_in(&context, credentials, new_password, session).await;
    match &outcome {
        Ok(_) => rate_limit.refund(attempt),
        Err(LoginError::EmailUnverified(user)) => {
            return Err(code_required(&request, &context, &rate_limit, user, &client).await?);
        }
        Err(error) if !error.is_attempt() => rate_limit.cancel(attempt),
        Err(_) => {}
    }
    let issued = outcome?;
    Ok(responses::new_session(HttpResponse::Ok(), &request, cookies, &issued))
}

fn count_rejection(context: &Context, problem: &Problem) {
    let is_limit = problem.code() == Code::TooManyRequests;
    context.metrics.logins.count(if is_limit { "throttled" } else { "unavailable" });
}

impl LoginRequest {
    fn parse(self, client: ClientInfo) -> Result<(Credentials, Option<SecretString>, NewSession), Problem> {
        let mut validation = Validation::default();
        let identifier = validation.identifier(self.email.as_deref(), self.username.as_deref());
        let password = validation.password("password", self.password);
        let new = self.new_password.and_then(|new| validation.password("new_password", Some(new)));
        let session = self.session.parse(&mut validation, client);
        let (identifier, password) = validation.finish(identifier.zip(password))?;
        Ok((Credentials { identifier, password }, new, session))
    }
}
