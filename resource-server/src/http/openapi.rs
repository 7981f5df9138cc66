use actix_web::{HttpRequest, HttpResponse, web};
use server_kit::openapi::{ApiDocument, add_headers, add_problem, complete, operations};
use shared_claims::http::access_cookie::{ACCESS_COOKIE, is_safe};
use shared_claims::http::problem::ProblemBody;
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
        description = "An API that accepts access tokens. Errors are RFC 9457 problem details with a documented `code`. \
            For all paths: HEAD works wherever GET does, and other methods return 405 `method_not_allowed` with `Allow`. Unknown paths \
            return 404 `not_found`. Two responses have no body: 400 for a request that cannot be parsed as HTTP, and 431 for more than \
            96 headers or 128 KiB of headers."
    ),
    components(schemas(ProblemBody)),
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

/// Returns this document.
#[utoipa::path(
    get, path = "/openapi.json",
    params(("If-None-Match" = Option<String>, Header, description = "`ETag` of a cached document")),
    responses(
        (status = 200, description = "OpenAPI 3.1"),
        (status = 304, description = "The cached document is current"),
    )
)]
pub async fn document(request: HttpRequest, document: web::Data<ApiDocument>) -> HttpResponse {
    document.respond(&request, || build(request.app_data::<AcceptCookie>().is_some()))
}

fn build(accepts_cookie: bool) -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("access_token", SecurityScheme::Http(bearer));
    if accepts_cookie {
        let cookie = ApiKeyValue::with_description(
            ACCESS_COOKIE,
            "Used if a request has no `Authorization` header. Methods other than GET, HEAD and OPTIONS then require `X-CSRF-Token`.",
        );
        components.add_security_scheme("access_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
    for (path, method, call) in operations(&mut document) {
        let takes_token = call.security.is_some();
        // It responds 401 in place of 400, and checks CSRF by the method of the original request.
        let is_for_proxies = path == "/verify";
        if takes_token {
            add_token_problems(call);
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
    // It has no setting for its own URL. A relative one is relative to the document.
    complete(&mut document, "/", include_str!("openapi/examples.json"));
    document
}

/// The errors of the extractors, which every call with a token has.
fn add_token_problems(call: &mut Operation) {
    let is_optional = call.security.iter().flatten().any(|one| *one == SecurityRequirement::default());
    if !is_optional {
        add_problem(call, Code::MissingToken, "");
    }
    add_problem(call, Code::InvalidToken, "");
    add_problem(call, Code::TokenExpired, "");
    add_problem(call, Code::SessionEnded, "with the revocation feed");
    add_problem(call, Code::TokenStale, "with the revocation feed; refresh the token");
    add_problem(call, Code::Unavailable, "no keys yet, or the revocation feed is too old");
}

/// What the access cookie adds to a call.
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
                "Required with the access cookie: the `csrf` claim of the token, which is also the value of the CSRF cookie.",
            ))
            .schema(Some(text));
        call.parameters.get_or_insert_default().push(RefOr::T(header.build()));
    }
}
