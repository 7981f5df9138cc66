use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::passwords::WeakPassword;
use crate::http::extract::Json;
use crate::http::problems::RateLimited;
use crate::http::{LoginRateLimit, Validation};
use crate::model::{ClientInfo, DisplayName, Email, Username, guessable_words};

/// A password that a user is typing, and what a guesser would try first.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordToJudge)]
pub struct StrengthRequest {
    #[schema(value_type = String, required, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    #[schema(value_type = Option<Email>)]
    email: Option<String>,
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
}

/// Whether the password would be accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordStrength)]
pub struct StrengthBody {
    acceptable: bool,
    /// From 0, very easy to guess, to 4, very hard.
    #[schema(maximum = 4)]
    score: u8,
    /// Empty if the password is acceptable.
    errors: Vec<WeaknessBody>,
}

/// Why a password is rejected.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordWeakness)]
pub struct WeaknessBody {
    /// `too_short`, `too_long` or `too_guessable`.
    code: &'static str,
    /// The same sentence as in `fields` of a rejected registration.
    message: String,
}

/// Judges a new password before it is set.
///
/// For a form that shows the strength while the user types. The result is that of a registration or a change of the password
/// with the same name and addresses. Nothing is stored or logged.
#[utoipa::path(
    post, path = "/auth/password/strength", tag = "account", request_body = StrengthRequest,
    responses((status = 200, description = "How hard the password is to guess", body = StrengthBody), RateLimited)
)]
pub async fn judge_password(
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<StrengthRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let password = validation.password("password", body.password);
    let email = validation.optional("email", body.email.as_deref(), Email::parse);
    let username = validation.username(body.username.as_deref());
    let name = validation.display_name(body.name.as_deref());
    let password = validation.finish(password)?;
    let _turn = rate_limit.count_judgement(client.ip).await?;
    let words = guessable_words(email.as_ref(), username.as_ref(), name.as_ref());
    let strength = context.hasher.judge(password, words).await?;
    let errors = strength
        .weakness
        .iter()
        .map(|weakness| WeaknessBody { code: code(weakness), message: weakness.to_string() });
    Ok(HttpResponse::Ok().json(StrengthBody {
        acceptable: strength.weakness.is_none(),
        score: strength.score,
        errors: errors.collect(),
    }))
}

fn code(weakness: &WeakPassword) -> &'static str {
    match weakness {
        WeakPassword::TooShort => "too_short",
        WeakPassword::TooLong => "too_long",
        WeakPassword::Guessable(_) => "too_guessable",
    }
}
