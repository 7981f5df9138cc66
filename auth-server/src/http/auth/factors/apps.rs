//! New authenticator apps.

use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::factors::RecoveryCodes;
use crate::domain::sessions::CurrentSession;
use crate::domain::users::factors::apps::{self, CONFIRMATION, NewApp};
use crate::http::Validation;
use crate::http::auth::factors::RecoveryCodesBody;
use crate::http::extract::{Json, OptionalJson};
use crate::http::problems::{EnrolmentCodeProblems, NewFactorForbidden, RateLimited};
use crate::model::{ClientInfo, DisplayName, User};

/// What an authenticator app needs. Shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = NewAuthenticatorApp)]
pub struct NewAppBody {
    /// UUID of the factor.
    id: String,
    /// In base32, for people who type it.
    secret: String,
    /// `otpauth://totp/…`
    uri: String,
    /// The URI as a QR code: an SVG image.
    qr_svg: String,
    /// Seconds until it must be confirmed.
    expires_in: i64,
}

impl NewAppBody {
    pub fn new(context: &Context, app: &NewApp, user: &User) -> Self {
        let uri = app.totp.uri(&context.policy.mfa_issuer, user.email.as_str());
        let uri = uri.expose_secret().to_owned();
        // A URI has less than 1000 bytes, and a code takes 2953.
        let qr_svg = QRBuilder::new(uri.as_str())
            .build()
            .map_or_else(|_| String::new(), |code| SvgBuilder::default().to_str(&code));
        Self {
            id: app.id.clone(),
            secret: app.totp.secret().expose_secret().to_owned(),
            uri,
            qr_svg,
            expires_in: CONFIRMATION.num_seconds(),
        }
    }
}

/// The name of the app.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = AuthenticatorApp)]
pub struct NewAppRequest {
    /// For the user, who may have several.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
}

/// Makes the secret of an authenticator app.
///
/// It has no effect until a code confirms it, within 10 minutes. Requires a login within the last 5 minutes, with a
/// second factor if it is on.
#[utoipa::path(
    post, path = "/auth/factors/totp", tag = "account", request_body(content = Option<NewAppRequest>),
    responses((status = 201, description = "The secret", body = NewAppBody), NewFactorForbidden, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn add_app(
    request: HttpRequest,
    context: web::Data<Context>,
    client: ClientInfo,
    OptionalJson(body): OptionalJson<NewAppRequest>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let name = validation.display_name(body.unwrap_or_default().name.as_deref());
    validation.check()?;
    context.user_limits.count_change(current.user.id)?;
    let name = name.map(|name: DisplayName| name.as_str().to_owned());
    let app = apps::add_app(&context, &current, name, &client).await?;
    Ok(HttpResponse::Created().json(NewAppBody::new(&context, &app, &current.user)))
}

/// The first code of the app.
#[derive(Deserialize, ToSchema)]
#[schema(as = AppConfirmation)]
pub struct ConfirmAppRequest {
    /// The code of the authenticator app.
    #[schema(value_type = String, required, pattern = "^([0-9][ -]*){6,8}$")]
    code: Option<SecretString>,
    /// With `false` the user's other sessions continue.
    #[schema(default = true)]
    end_other_sessions: Option<bool>,
}

/// Confirms an authenticator app and turns the second factor on.
///
/// The code is spent. Access tokens issued before become stale.
#[utoipa::path(
    post, path = "/auth/factors/totp/{id}/confirm", tag = "account", request_body = ConfirmAppRequest,
    params(("id" = String, Path, format = "uuid", description = "Id of the factor")),
    responses(
        (status = 200, description = "Recovery codes, if the user had none", body = RecoveryCodesBody),
        EnrolmentCodeProblems, NewFactorForbidden, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn confirm_app(
    request: HttpRequest,
    context: web::Data<Context>,
    client: ClientInfo,
    id: web::Path<String>,
    Json(body): Json<ConfirmAppRequest>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let code = validation.app_code(body.code);
    let code = validation.finish(code)?;
    context.user_limits.count_change(current.user.id)?;
    let end_others = body.end_other_sessions.unwrap_or(true);
    let codes = apps::confirm_app(&context, &current, id.into_inner(), &code, end_others, &client).await?;
    Ok(HttpResponse::Ok().json(RecoveryCodesBody { recovery_codes: codes.map(RecoveryCodes::into_texts) }))
}
