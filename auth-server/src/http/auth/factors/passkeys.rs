//! New passkeys and security keys.

use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared_claims::Problem;
use utoipa::ToSchema;
use webauthn::RegistrationResponse;

use crate::domain::context::Context;
use crate::domain::factors::RecoveryCodes;
use crate::domain::sessions::CurrentSession;
use crate::domain::users::factors::passkeys;
use crate::http::Validation;
use crate::http::auth::factors::{FactorBody, RecoveryCodesBody};
use crate::http::extract::Json;
use crate::http::problems::{FreshLoginRequired, RateLimited};
use crate::model::{ClientInfo, DisplayName};

/// The kind of a new passkey.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPasskeyKind)]
pub struct PasskeyOptionsRequest {
    /// `passkey`: can replace the password. `security_key`: a second factor only, also on old keys.
    #[schema(value_type = String, required, pattern = "^(passkey|security_key)$")]
    kind: Option<String>,
}

/// Returns the options for `navigator.credentials.create` to add a passkey or security key.
///
/// They are valid for 5 minutes in this session. Requires a login within the last 5 minutes, with a second factor if it is on.
#[utoipa::path(
    post, path = "/auth/factors/passkey/options", tag = "account", request_body = PasskeyOptionsRequest,
    responses(
        (status = 200, description = "`PublicKeyCredentialCreationOptionsJSON`", body = Object),
        FreshLoginRequired,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn passkey_creation_options(
    request: HttpRequest,
    context: web::Data<Context>,
    Json(body): Json<PasskeyOptionsRequest>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let kind = validation.passkey_kind(body.kind.as_deref());
    let kind = validation.finish(kind)?;
    Ok(HttpResponse::Ok().json(passkeys::creation_options(&context, &current, kind).await?))
}

/// A new passkey or security key.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPasskey)]
pub struct NewPasskeyRequest {
    /// What `navigator.credentials.create` returned, as `toJSON()` writes it.
    #[schema(value_type = Object, required)]
    credential: Option<Map<String, Value>>,
    /// For the user, who may have several.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
}

/// The factor, and recovery codes, if it is a security key and the user had none.
#[derive(Serialize, ToSchema)]
#[schema(as = AddedPasskey)]
pub struct AddedPasskeyBody {
    #[serde(flatten)]
    factor: FactorBody,
    #[serde(flatten)]
    codes: RecoveryCodesBody,
}

/// Adds the passkey or security key that the browser created.
///
/// A security key turns the second factor on. Other sessions of the user end, and access tokens issued before become stale.
#[utoipa::path(
    post, path = "/auth/factors/passkey", tag = "account", request_body = NewPasskeyRequest,
    responses((status = 201, description = "The factor", body = AddedPasskeyBody), FreshLoginRequired, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn add_passkey(
    request: HttpRequest,
    context: web::Data<Context>,
    client: ClientInfo,
    Json(body): Json<NewPasskeyRequest>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let credential: Option<RegistrationResponse> = validation.credential("credential", body.credential);
    let name = validation.display_name(body.name.as_deref());
    let credential = validation.finish(credential)?;
    context.user_limits.count_change(current.user.id)?;
    let name = name.map(|name: DisplayName| name.as_str().to_owned());
    let (factor, codes) = passkeys::add(&context, &current, &credential, name, &client).await?;
    let codes = RecoveryCodesBody { recovery_codes: codes.map(RecoveryCodes::into_texts) };
    Ok(HttpResponse::Created().json(AddedPasskeyBody { factor: factor.into(), codes }))
}
