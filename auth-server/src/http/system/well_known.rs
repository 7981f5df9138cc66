use actix_web::http::header::{CACHE_CONTROL, ContentType, ETag, EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::domain::context::Context;

/// Resource servers can cache the key set and the metadata for 5 minutes.
const MAX_AGE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "max-age=300");

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
pub async fn get_key_set(
    context: web::Data<Context>,
    known: Result<web::Header<IfNoneMatch>, actix_web::error::ParseError>,
) -> HttpResponse {
    let published = context.keys.published();
    let tag = EntityTag::new_strong(published.tag.clone());
    let is_known = match known {
        Ok(web::Header(IfNoneMatch::Any)) => true,
        Ok(web::Header(IfNoneMatch::Items(tags))) => tags.iter().any(|other| other.weak_eq(&tag)),
        // A malformed header.
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(MAX_AGE).insert_header(ETag(tag));
    if is_known {
        return response.finish();
    }
    response.content_type(ContentType::json()).body(published.json.clone())
}

/// Returns the metadata of the server (RFC 8414).
///
/// There are no OAuth endpoints, so the metadata names none.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "metadata",
    responses((status = 200, description = "Metadata", body = Value))
)]
pub async fn get_server_metadata(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().insert_header(MAX_AGE).json(document(&context))
}

/// Returns the same metadata for libraries that support only OpenID Connect.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "metadata",
    responses((status = 200, description = "Metadata", body = Value))
)]
pub async fn get_openid_configuration(context: web::Data<Context>) -> HttpResponse {
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
