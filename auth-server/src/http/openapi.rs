use actix_web::HttpResponse;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
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
    modifiers(&Security),
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
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build(),
            )
        };
        components.add_security_scheme("refresh_cookie", cookie);
        components.add_security_scheme("refresh_token", bearer());
        components.add_security_scheme("access_token", bearer());
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "metadata", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().json(Document::openapi())
}
