use actix_web::HttpResponse;
use shared_claims::Code;
use shared_claims::http::description::{add_headers, add_problem, operations};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::{admin, greeting, health, profile, protected, transfer};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey resource server",
        description = "An API that believes access tokens. Every error is RFC 9457 problem details with a documented `code`. \
            Of every path: another method than those here is 405 `method_not_allowed` with `Allow`, but HEAD, which works wherever GET does; \
            more than 96 headers, or 128 KiB of them, are 431, and what is no HTTP is 400, both without a body; a path that is not here is 404 `not_found`."
    ),
    paths(
        protected::show,
        profile::show,
        admin::show,
        transfer::make,
        greeting::show,
        health::alive,
        health::ready,
        document,
    )
)]
struct Document;

/// This description.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn document() -> HttpResponse {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("access_token", SecurityScheme::Http(bearer));
    for (_, _, call) in operations(&mut document) {
        let takes_token = call.security.is_some();
        if takes_token {
            add_problem(call, Code::MalformedRequest, "two `Authorization` headers");
        }
        add_headers(call, takes_token);
    }
    HttpResponse::Ok().json(document)
}
