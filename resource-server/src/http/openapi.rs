use actix_web::{HttpRequest, HttpResponse};
use server_kit::openapi::{add_headers, add_problem, operations};
use shared_claims::http::access_cookie::{ACCESS_COOKIE, is_safe};
use shared_claims::{AcceptCookie, Code};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ObjectBuilder, RefOr};

use super::{admin, greeting, health, profile, protected, transfer, verify};

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
        verify::show,
        health::alive,
        health::ready,
        document,
    )
)]
struct Document;

/// This description.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn document(request: HttpRequest) -> HttpResponse {
    let accepts_cookie = request.app_data::<AcceptCookie>().is_some();
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("access_token", SecurityScheme::Http(bearer));
    if accepts_cookie {
        let cookie = ApiKeyValue::with_description(
            ACCESS_COOKIE,
            "Looked at where there is no `Authorization`. Every method but GET, HEAD and OPTIONS then needs `X-CSRF-Token`.",
        );
        components.add_security_scheme("access_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
    for (path, method, call) in operations(&mut document) {
        let takes_token = call.security.is_some();
        // It says 401 instead, and goes by another method than its own.
        let is_for_proxies = path == "/verify";
        if takes_token {
            add_problem(call, Code::SessionEnded, "whoever hears of revocations");
            add_problem(call, Code::TokenStale, "likewise; a refresh heals it");
        }
        if takes_token && !is_for_proxies {
            add_problem(call, Code::MalformedRequest, "two `Authorization` headers");
        }
        if takes_token && accepts_cookie {
            if !is_for_proxies {
                add_problem(call, Code::MalformedRequest, "two access cookies");
            }
            add_cookie(call, is_safe(&method) && !is_for_proxies);
        }
        add_headers(call, takes_token);
    }
    HttpResponse::Ok().json(document)
}

/// What else a call takes, wants and answers where the access token may come in the cookie.
fn add_cookie(call: &mut Operation, is_safe: bool) {
    let no_scopes: [&str; 0] = [];
    call.security.get_or_insert_default().push(SecurityRequirement::new("access_cookie", no_scopes));
    add_problem(
        call,
        Code::CsrfFailed,
        "the token in the cookie has no `csrf` claim, or `X-CSRF-Token` does not repeat it",
    );
    if !is_safe {
        let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        let header = ParameterBuilder::new()
            .name("X-CSRF-Token")
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "Where the access token is in the cookie: its `csrf` claim, which the CSRF cookie tells.",
            ))
            .schema(Some(text));
        call.parameters.get_or_insert_default().push(RefOr::T(header.build()));
    }
}
