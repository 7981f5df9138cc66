use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use server_kit::openapi::{add_headers, add_problem, operations};
use shared_claims::Code;
use shared_claims::http::problem::ProblemBody;
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::domain::context::Context;
use crate::http::admin;
use crate::http::auth::{events, login, logout, me, password, reauthenticate, refresh, register, sessions};
mod request_schemas;

use crate::http::cookies::Cookies;
use crate::http::system::{health, revocations, well_known};

/// The whole API, from the handlers themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey auth-server",
        description = "Registers people, checks passwords, issues and rotates tokens. Every error is RFC 9457 problem details with a documented `code`. \
            Of every path: another method than those here is 405 `method_not_allowed` with `Allow`, but HEAD, which works wherever GET does; \
            more than 96 headers, or 128 KiB of them, are 431, and what is no HTTP is 400, both without a body; a path that is not here is 404 `not_found`."
    ),
    paths(
        register::register, login::log_in, refresh::refresh, logout::log_out, logout::log_out_everywhere,
        me::show, me::change, me::delete, password::change, reauthenticate::reauthenticate, events::list, sessions::list, sessions::end,
        admin::users::list, admin::users::show, admin::users::change,
        admin::sessions::list, admin::sessions::end_all, admin::sessions::end, admin::events::list,
        revocations::listen, well_known::jwks, well_known::authorization_server, well_known::openid_configuration,
        health::alive, health::ready, document,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "session", description = "Logging in and out"),
        (name = "account", description = "What people see and change about themselves"),
        (name = "administration", description = "What people with the role `admin` see and change about others"),
        (name = "metadata", description = "What resource servers read"),
        (name = "operation", description = "What operators read"),
    )
)]
struct Document;

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "metadata", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn document(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().json(describe(&context.policy.audiences))
}

fn describe(audiences: &[String]) -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    add_security_schemes(&mut document);
    for (path, method, call) in operations(&mut document) {
        add_common_problems(path, &method, call);
    }
    request_schemas::complete(&mut document, audiences);
    document
}

fn add_security_schemes(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(Cookies::SECURE_NAME)));
    let bearer = || {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        SecurityScheme::Http(bearer.build())
    };
    components.add_security_scheme("refresh_cookie", cookie);
    components.add_security_scheme("refresh_token", bearer());
    components.add_security_scheme("access_token", bearer());
    components.add_security_scheme(
        "feed_token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
}

/// The problems that a whole kind of call can have, so that each handler names only its own.
fn add_common_problems(path: &str, method: &Method, call: &mut Operation) {
    if *method != Method::GET {
        add_problem(call, Code::OriginNotAllowed, "a page of another origin asks");
    }
    if call.request_body.is_some() {
        add_problem(call, Code::BodyTooLarge, "over 16 KiB");
        add_problem(call, Code::UnsupportedMediaType, "not `application/json`");
        add_problem(call, Code::InvalidInput, "`fields` names the members");
    }
    let in_query = |parameter: &RefOr<Parameter>| {
        matches!(parameter, RefOr::T(Parameter { parameter_in: ParameterIn::Query, .. }))
    };
    if call.parameters.iter().flatten().any(in_query) {
        add_problem(call, Code::InvalidInput, "`fields` names the parameters");
    }
    let administers = path.starts_with("/admin/");
    let takes_session = administers
        || call.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "account"))
        || path == "/auth/logout-all";
    if takes_session {
        add_problem(call, Code::MissingToken, "");
        add_problem(call, Code::InvalidToken, "");
        add_problem(call, Code::SessionEnded, "with `reason`");
        add_problem(call, Code::TokenStale, "refresh first");
    }
    if path.starts_with("/auth/") || path == "/revocations" || administers {
        add_problem(call, Code::MalformedRequest, "broken JSON, two tokens at once");
        add_problem(call, Code::InternalError, "");
        add_problem(
            call,
            Code::Unavailable,
            "the database does not answer, or too many people log in at once",
        );
    }
    add_headers(call, takes_session);
}
