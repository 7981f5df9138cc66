//! The second factors of the user.

pub mod apps;
pub mod passkeys;

use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::factors::RecoveryCodes;
use crate::domain::sessions::CurrentSession;
use crate::domain::users::factors::{self, Factor, Factors};
use crate::http::Validation;
use crate::http::extract::Json;
use crate::http::problems::{FactorRequired, FreshLoginRequired, NewFactorForbidden, RateLimited};
use crate::http::responses;
use crate::model::{ClientInfo, DisplayName};

/// What a user can prove a login with, beside the password.
#[derive(Serialize, ToSchema)]
#[schema(as = Factors)]
pub struct FactorsBody {
    /// Whether a login requires a second factor.
    second_factor: bool,
    /// Oldest first.
    factors: Vec<FactorBody>,
    /// Recovery codes that were not used.
    recovery_codes_left: i64,
    /// Whether codes of apps are not accepted, after too many wrong ones. A recovery code ends it.
    totp_locked: bool,
    /// Credential ids in base64url, for `PublicKeyCredential.signalAllAcceptedCredentials`.
    passkey_ids: Vec<String>,
    /// The domain of the passkeys. `null` if this server has none.
    rp_id: Option<String>,
}

/// A second factor.
#[derive(Serialize, ToSchema)]
#[schema(as = Factor)]
pub struct FactorBody {
    /// UUID
    id: String,
    #[schema(pattern = "^(totp|passkey|security_key)$")]
    kind: &'static str,
    /// Chosen by the user.
    name: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    /// Whether the passkey is backed up, so that the loss of a device does not lose it. Absent for apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    synced: Option<bool>,
    /// Whether it can replace the password. Absent for apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    passwordless: Option<bool>,
}

/// Recovery codes, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub struct RecoveryCodesBody {
    /// Each can be used once, in place of another factor. Absent if the user has codes already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_codes: Option<Vec<String>>,
}

impl FactorsBody {
    pub fn new(context: &Context, factors: Factors) -> Self {
        let passkeys = factors.list.iter().filter_map(|factor| factor.passkey.as_ref());
        let ids = passkeys.map(|passkey| BASE64_URL_SAFE_NO_PAD.encode(&passkey.credential_id));
        Self {
            second_factor: factors.second_factor,
            passkey_ids: ids.collect(),
            rp_id: context.passkeys.as_deref().map(|passkeys| passkeys.relying_party.id.clone()),
            factors: factors.list.into_iter().map(FactorBody::from).collect(),
            recovery_codes_left: factors.recovery_codes_left,
            totp_locked: factors.totp_locked,
        }
    }
}

impl From<Factor> for FactorBody {
    fn from(factor: Factor) -> Self {
        Self {
            id: factor.id,
            kind: match &factor.passkey {
                Some(passkey) if !passkey.is_passwordless => "security_key",
                _ => factor.kind.as_str(),
            },
            synced: factor.passkey.as_ref().map(|passkey| passkey.is_synced),
            passwordless: factor.passkey.as_ref().map(|passkey| passkey.is_passwordless),
            name: factor.name,
            created_at: factor.created_at,
            last_used_at: factor.last_used_at,
        }
    }
}

/// Lists the second factors of the user.
#[utoipa::path(
    get, path = "/auth/factors", tag = "account",
    responses((status = 200, description = "The factors", body = FactorsBody)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_factors(
    context: web::Data<Context>,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    let found = factors::list(&context.database, current.user.id).await?;
    let factors = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok().json(FactorsBody::new(&context, factors)))
}

/// Whether a login requires a second factor.
#[derive(Deserialize, ToSchema)]
#[schema(as = FactorSettings)]
pub struct FactorsPatch {
    #[schema(value_type = bool, required)]
    second_factor: Option<bool>,
}

/// Turns the second factor on or off.
///
/// Requires a login within the last 5 minutes, with a second factor if it is on. Other sessions of the user end.
#[utoipa::path(
    patch, path = "/auth/factors", tag = "account", request_body = FactorsPatch,
    responses(
        (status = 200, description = "New recovery codes, if the user had none", body = RecoveryCodesBody),
        NewFactorForbidden, FactorRequired, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn update_factors(
    request: HttpRequest,
    context: web::Data<Context>,
    client: ClientInfo,
    Json(body): Json<FactorsPatch>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let on = validation.required("second_factor", body.second_factor);
    let on = validation.finish(on)?;
    context.user_limits.count_change(current.user.id)?;
    let codes = factors::set_second_factor(&context, &current, on, &client).await?;
    Ok(HttpResponse::Ok().json(RecoveryCodesBody { recovery_codes: codes.map(RecoveryCodes::into_texts) }))
}

/// The new name of a factor.
#[derive(Deserialize, ToSchema)]
#[schema(as = FactorName)]
pub struct FactorPatch {
    /// 1 to 100 characters.
    #[schema(value_type = DisplayName, required)]
    name: Option<String>,
}

/// Renames a second factor.
#[utoipa::path(
    patch, path = "/auth/factors/{id}", tag = "account", request_body = FactorPatch,
    params(("id" = String, Path, format = "uuid", description = "Id of the factor")),
    responses((status = 204, description = "The factor has the new name"), FreshLoginRequired, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn rename_factor(
    request: HttpRequest,
    context: web::Data<Context>,
    client: ClientInfo,
    id: web::Path<String>,
    Json(body): Json<FactorPatch>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let name = validation.required("name", body.name);
    let name = validation.display_name(name.as_deref());
    let name = validation.finish(name)?;
    context.user_limits.count_change(current.user.id)?;
    factors::rename(&context, &current, id.into_inner(), name.as_str().to_owned(), &client).await?;
    Ok(responses::no_content([]))
}

/// Removes a second factor.
///
/// Without the last one, the second factor is off and the recovery codes are void. Other sessions of the user end.
#[utoipa::path(
    delete, path = "/auth/factors/{id}", tag = "account",
    params(("id" = String, Path, format = "uuid", description = "Id of the factor")),
    responses((status = 204, description = "The factor is removed"), FreshLoginRequired, FactorRequired, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn remove_factor(
    context: web::Data<Context>,
    client: ClientInfo,
    id: web::Path<String>,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    context.user_limits.count_change(current.user.id)?;
    factors::remove(&context, &current, id.into_inner(), &client).await?;
    Ok(responses::no_content([]))
}

/// Makes new recovery codes. The old ones are void.
#[utoipa::path(
    post, path = "/auth/factors/recovery-codes", tag = "account",
    responses(
        (status = 201, description = "The codes", body = RecoveryCodesBody),
        FreshLoginRequired, FactorRequired, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn make_recovery_codes(
    context: web::Data<Context>,
    client: ClientInfo,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    context.user_limits.count_change(current.user.id)?;
    let codes = factors::make_recovery_codes(&context, &current, &client).await?;
    Ok(HttpResponse::Created().json(RecoveryCodesBody { recovery_codes: Some(codes.into_texts()) }))
}
