use actix_web::HttpResponse;
use shared_claims::http::problem::{MEDIA_TYPE, ProblemBody};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, Response};
use utoipa::{Modify, OpenApi};

use super::{Cookies, health, login, logout, me, metadata, refresh, register, sessions};

/// The whole API, from the handlers themselves.
#[derive(OpenApi)]
#[openapi(
    info(title = "Latchkey auth-server", description = "Registers people, checks passwords, issues and rotates tokens. Every error is RFC 9457 problem details with a documented `code`."),
    paths(
        register::register, login::log_in, refresh::refresh, logout::log_out, logout::log_out_everywhere,
        me::show, me::change, sessions::list, sessions::end,
        metadata::jwks, metadata::authorization_server, metadata::openid_configuration,
        health::alive, health::ready, document,
    ),
    modifiers(&Security, &CommonProblems),
    components(schemas(ProblemBody)),
    tags(
        (name = "session", description = "Logging in and out"),
        (name = "account", description = "What people see and change about themselves"),
        (name = "metadata", description = "What resource servers read"),
        (name = "operation", description = "What operators read"),
    )
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(Cookies::SECURE_NAME)));
        let bearer = || {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
            SecurityScheme::Http(bearer.build())
        };
        components.add_security_scheme("refresh_cookie", cookie);
        components.add_security_scheme("refresh_token", bearer());
        components.add_security_scheme("access_token", bearer());
    }
}

/// The problems that a whole kind of call can have, so that each handler names only its own.
struct CommonProblems;

impl Modify for CommonProblems {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let unsafe_calls = [&mut item.post, &mut item.patch, &mut item.delete];
            for call in unsafe_calls.into_iter().flatten() {
                add(call, "403", "`origin_not_allowed`");
                if call.request_body.is_some() {
                    add(call, "413", "`body_too_large`: over 16 KiB");
                    add(call, "415", "`unsupported_media_type`");
                    add(call, "422", "`invalid_input`, with `fields`");
                }
            }
            let calls = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for call in calls.into_iter().flatten().filter(|_| path.starts_with("/auth/")) {
                add(call, "400", "`malformed_request`");
                add(
                    call,
                    "503",
                    "`unavailable`: the database does not answer, or too many people log in at once",
                );
            }
        }
    }
}

fn add(call: &mut Operation, status: &str, description: &str) {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = Response::builder().description(description).content(MEDIA_TYPE, problem).build();
    call.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "metadata", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().json(Document::openapi())
}
