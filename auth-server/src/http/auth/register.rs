use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use shared_claims::http::problem::ProblemBody;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::users::registration::{self, NewPerson};
use crate::http::auth::login::{clear_other_cookies, opening};
use crate::http::cookies::Cookies;
use crate::http::errors::registration_problem;
use crate::http::extract::client_info::address;
use crate::http::extract::json::Json;
use crate::http::rate_limit::Attempts;
use crate::http::responses::{Tokens, tokens};
use crate::http::validation::Fields;
use crate::model::{Delivery, DisplayName, Email, Username};

/// Who wants to register, and how to log them in.
#[derive(Deserialize, ToSchema)]
pub struct Registration {
    /// Unique.
    #[schema(value_type = Email, required)]
    email: Option<String>,
    /// 9 to 128 characters, and not easy to guess.
    #[schema(value_type = String, required, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// Unique.
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    /// How to greet the person.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
    /// `false`: the cookie goes with the browser.
    #[schema(default = true)]
    remember: Option<bool>,
    /// How the session's tokens travel.
    #[schema(value_type = Option<Delivery>)]
    token_delivery: Option<String>,
    /// Audience of the access token; must be listed.
    audience: Option<String>,
}

/// Registers a person and logs them in.
#[utoipa::path(
    post, path = "/auth/register", tag = "session", request_body = Registration,
    responses(
        (status = 201, description = "Registered and logged in, as by a login.", body = Tokens),
        (status = 403, description = "`origin_not_allowed`, `registration_closed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`email_taken`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_requests`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn register(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    attempts: web::Data<Attempts>,
    Json(body): Json<Registration>,
) -> Result<HttpResponse, Problem> {
    attempts.count(address(&request)).inspect_err(|_| context.metrics.registrations.count("throttled"))?;
    let mut fields = Fields::default();
    let email = fields.email(body.email.as_deref());
    let password = fields.password("password", body.password);
    let username = fields.username(body.username.as_deref());
    let name = fields.display_name(body.name.as_deref());
    let delivery = fields.delivery(body.token_delivery.as_deref());
    let (Some(email), Some(password)) = (email, password) else { return Err(fields.problem()) };
    fields.check()?;
    let opening = opening(&request, &context, **cookies, delivery, body.remember, body.audience)?;
    let person = NewPerson { email, username, name, password };
    let issued = context.metrics.registration(registration::register(&context, person, opening).await);
    let issued = issued.map_err(registration_problem)?;
    let mut response = HttpResponse::Created();
    clear_other_cookies(&request, **cookies, delivery, &mut response);
    Ok(tokens(response, **cookies, &issued))
}
