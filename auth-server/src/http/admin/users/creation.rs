use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::users::admin::Change;
use crate::domain::users::creation::{self, Creation};
use crate::http::Validation;
use crate::http::extract::{FreshAdminSession, Json};
use crate::http::problems::{AddressTaken, RateLimited};
use crate::model::{CustomClaims, DisplayName, Email, Roles, UserView, Username};

/// An account that an administrator creates.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPerson)]
pub struct CreateUserRequest {
    #[schema(value_type = Email, required)]
    email: Option<String>,
    /// Whether you know that the address is the user's.
    email_verified: Option<bool>,
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
    /// 9 to 128 characters, hard to guess. The user must replace it at the first login, within 24 hours. Without one, no password
    /// works until the user sets one with a mailed link.
    #[schema(value_type = Option<String>, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// Roles of the user. Duplicates are ignored.
    #[schema(max_items = 16, pattern = "^[a-z0-9_-]{1,32}$")]
    roles: Option<Vec<String>>,
    /// Custom claims of access tokens: at most 1 KiB of JSON, without reserved names.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
}

/// Creates a user, even if registration is closed.
///
/// No mail is sent. With a password, tell it to the user. Without one, call `POST /admin/users/{id}/password-reset`.
#[utoipa::path(
    post, path = "/admin/users", tag = "administration", request_body = CreateUserRequest,
    responses((status = 201, description = "The user", body = UserView), AddressTaken, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn create_user(
    request: HttpRequest,
    context: web::Data<Context>,
    Json(body): Json<CreateUserRequest>,
) -> Result<HttpResponse, Problem> {
    let admin = FreshAdminSession::extract(&request).await?;
    let creation = body.parse()?;
    let user = creation::create(&admin.operation(&context)?, &context.hasher, creation).await?;
    Ok(HttpResponse::Created().json(UserView::from(user)))
}

impl CreateUserRequest {
    fn parse(self) -> Result<Creation, Problem> {
        let mut validation = Validation::default();
        let email = validation.email(self.email.as_deref());
        let username = validation.username(self.username.as_deref());
        let name = validation.display_name(self.name.as_deref());
        let password = self.password.and_then(|password| validation.password("password", Some(password)));
        let access = Change {
            roles: validation.optional("roles", self.roles, |roles| Roles::parse(&roles)),
            claims: validation.optional("claims", self.claims, |claims| CustomClaims::parse(claims.into())),
            ..Change::default()
        };
        let email = validation.finish(email)?;
        let email_verified = self.email_verified.unwrap_or_default();
        Ok(Creation { email, email_verified, username, name, password, access })
    }
}
