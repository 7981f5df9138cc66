use actix_web::http::header::{CACHE_CONTROL, ContentType, ETag, EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::domain::context::Context;

/// How long resource servers may keep what they fetched here.
const MAX_AGE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "max-age=300");

/// The public keys of access tokens (RFC 7517 §5); an empty set with HS256.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "metadata",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the set at hand")),
    responses(
        (status = 200, description = "JWK Set", body = Value),
        (status = 304, description = "It is still the one that `If-None-Match` names"),
    )
)]
pub async fn jwks(
    context: web::Data<Context>,
    known: Result<web::Header<IfNoneMatch>, actix_web::error::ParseError>,
) -> HttpResponse {
    let published = context.keys.published();
    let tag = EntityTag::new_strong(published.tag.clone());
    let is_known = match known {
        Ok(web::Header(IfNoneMatch::Any)) => true,
        Ok(web::Header(IfNoneMatch::Items(tags))) => tags.iter().any(|other| other.weak_eq(&tag)),
        // A header that is none of ours: whoever sends it gets the set.
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(MAX_AGE).insert_header(ETag(tag));
    if is_known {
        return response.finish();
    }
    response.content_type(ContentType::json()).body(published.json.clone())
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
