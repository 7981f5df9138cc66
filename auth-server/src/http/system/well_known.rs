use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use server_kit::etag;
use server_kit::etag::json_with_etag;
use shared_claims::{Acr, Code, Problem};

use crate::domain::context::Context;
use crate::model::Mfa;

/// Returns the public keys of access tokens (RFC 7517 §5).
///
/// The set is empty with HS256.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "metadata",
    params(("If-None-Match" = Option<String>, Header, description = "`ETag` of a cached set")),
    responses(
        (status = 200, description = "JWK Set", body = Value),
        (status = 304, description = "The cached set is current"),
    )
)]
pub async fn get_key_set(request: HttpRequest, context: web::Data<Context>) -> HttpResponse {
    let published = context.keys.published();
    json_with_etag(&request, &published.tag, published.json.clone())
}

/// Returns the metadata of the server (RFC 8414).
///
/// There are no OAuth endpoints, so the metadata names none.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "metadata",
    responses((status = 200, description = "Metadata", body = Value))
)]
pub async fn get_server_metadata(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, etag::MAX_AGE)).json(document(&context))
}

/// Returns the same metadata for libraries that support only OpenID Connect.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "metadata",
    responses((status = 200, description = "Metadata", body = Value))
)]
pub async fn get_openid_configuration(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, etag::MAX_AGE)).json(document(&context))
}

/// Lists the origins of other domains that may use the passkeys of this server (WebAuthn Level 3 §5.11).
#[utoipa::path(
    get, path = "/.well-known/webauthn", tag = "metadata",
    responses((status = 200, description = "`origins`", body = Value))
)]
pub async fn get_related_origins(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let passkeys = context.passkeys.as_deref().ok_or_else(|| Problem::new(Code::NotFound))?;
    let body = json!({"origins": passkeys.related_origins()});
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, etag::MAX_AGE)).json(body))
}

fn document(context: &Context) -> Value {
    let issuer = &context.policy.issuer;
    let has_factors = context.policy.mfa != Mfa::Off;
    let mut document = json!({
        "issuer": issuer,
        "service_documentation": format!("{issuer}/docs"),
        // What this server issues, not all that resource servers know.
        "acr_values_supported": if context.passkeys.is_some() {
            Acr::ALL
        } else if has_factors {
            &Acr::ALL[..2]
        } else {
            &Acr::ALL[..1]
        },
    });
    if context.keys.publishes() {
        document["jwks_uri"] = json!(format!("{issuer}/.well-known/jwks.json"));
    }
    document
}
