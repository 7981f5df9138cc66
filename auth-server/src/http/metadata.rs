use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::domain::Context;

/// How long resource servers may keep what they fetched here.
const MAX_AGE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "max-age=300");

/// The public keys of access tokens (RFC 7517 §5); an empty set with HS256.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "metadata",
    responses((status = 200, description = "JWK Set", body = Value))
)]
pub async fn jwks(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().insert_header(MAX_AGE).json(&*context.keys.published())
}

/// What this server is and has (RFC 8414). It names only what exists: there are no OAuth endpoints.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "metadata",
    responses((status = 200, description = "Metadata", body = Value))
)]
pub async fn authorization_server(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().insert_header(MAX_AGE).json(document(&context))
}

/// The same, where libraries look that know only OpenID Connect.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "metadata",
    responses((status = 200, description = "Metadata", body = Value))
)]
pub async fn openid_configuration(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().insert_header(MAX_AGE).json(document(&context))
}

fn document(context: &Context) -> Value {
    let issuer = &context.policy.issuer;
    let mut document = json!({"issuer": issuer, "service_documentation": format!("{issuer}/openapi.json")});
    if context.keys.publishes() {
        document["jwks_uri"] = json!(format!("{issuer}/.well-known/jwks.json"));
    }
    document
}
