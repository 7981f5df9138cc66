use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::keys::admin::{self, Role, StoredKey};
use crate::domain::operation::Operation;
use crate::http::errors::shared_secret;
use crate::http::extract::{AdminSession, FreshAdminSession};
use crate::http::problems::{KeyConflict, RateLimited};
use crate::http::responses;

/// The signing keys.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = SigningKeys)]
pub struct Keys {
    /// Newest first. Empty with HS256: access tokens are signed with a secret.
    items: Vec<KeyBody>,
    /// When another key starts to sign. Absent with HS256.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation_at: Option<DateTime<Utc>>,
}

/// A signing key, without its private half.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub struct KeyBody {
    /// Id of the key: in the header of tokens, and in the published set.
    kid: String,
    /// The JWS `alg`.
    algorithm: String,
    role: Role,
    /// The key is published from this time on.
    created_at: DateTime<Utc>,
    /// The key signs from this time on.
    active_from: DateTime<Utc>,
    /// All tokens that the key signed have expired by this time. Extended while the key signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed_until: Option<DateTime<Utc>>,
    /// The key and all tokens that it signed are invalid from this time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_at: Option<DateTime<Utc>>,
}

/// Lists the signing keys, newest first.
///
/// Keys that are no longer needed are deleted after a day.
#[utoipa::path(
    get, path = "/admin/keys", tag = "administration",
    responses((status = 200, description = "The signing keys", body = Keys)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_keys(context: web::Data<Context>, _: AdminSession) -> Result<HttpResponse, Problem> {
    let Some(pairs) = context.keys.pairs() else { return Ok(HttpResponse::Ok().json(Keys::default())) };
    let keys = admin::list(&context.database, context.now()).await?;
    Ok(HttpResponse::Ok().json(Keys {
        next_rotation_at: admin::next_rotation_at(&keys, pairs.schedule()),
        items: keys.into_iter().map(|(key, role)| KeyBody::new(key, role)).collect(),
    }))
}

/// Creates the next signing key now.
///
/// It is published immediately, and signs 15 minutes later, when every cache has it.
#[utoipa::path(
    post, path = "/admin/keys/rotate", tag = "administration",
    responses((status = 201, description = "The next key", body = KeyBody), KeyConflict, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn rotate_keys(
    context: web::Data<Context>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let pairs = context.keys.pairs().ok_or_else(shared_secret)?;
    let operation = admin.operation(&context)?;
    let key = admin::rotate(&operation, pairs).await?;
    reload(&context, &operation).await;
    Ok(HttpResponse::Created().json(KeyBody::new(key, Role::Next)))
}

/// Takes a signing key out of use immediately, with every token that it signed.
///
/// For a leaked key. Clients refresh the rejected access tokens. If the key was signing, another one signs, or a new one
/// is created.
#[utoipa::path(
    post, path = "/admin/keys/{kid}/retire", tag = "administration",
    params(("kid" = String, Path, description = "Id of the key")),
    responses((status = 204, description = "The key is retired"), KeyConflict, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn retire_key(
    context: web::Data<Context>,
    kid: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let operation = admin.operation(&context)?;
    admin::retire(&operation, &kid).await?;
    reload(&context, &operation).await;
    Ok(responses::no_content([]))
}

/// This server applies the change at once, the others within ten seconds.
async fn reload(context: &Context, operation: &Operation<'_>) {
    if let Err(error) = context.keys.reload(operation).await {
        log::error!("cannot refresh the signing keys: {error}");
    }
}

impl KeyBody {
    fn new(key: StoredKey, role: Role) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            role,
            created_at: key.created_at.and_utc(),
            active_from: key.active_from.and_utc(),
            needed_until: key.needed_until.map(|until| until.and_utc()),
            retired_at: key.retired_at.map(|at| at.and_utc()),
        }
    }
}
