use actix_web::{Resource, web};
use server_kit::framework_errors::{get_or_head, method_not_allowed, not_found};
use shared_claims::require;

use crate::http::auth::{events, login, logout, me, password, reauthenticate, refresh, register, sessions};
use crate::http::system::revocations::FeedListener;
use crate::http::system::{demo, health, revocations, well_known};
use crate::http::{admin, openapi};

/// Every URL of the server; with those of the demo page, if it is told which API that is to call.
pub fn routes(config: &mut web::ServiceConfig, demo_api_url: Option<&str>) {
    if let Some(api_url) = demo_api_url {
        demo::routes(config, api_url);
    }
    config
        .service(resource("/auth/register", "POST").route(web::post().to(register::register)))
        .service(resource("/auth/login", "POST").route(web::post().to(login::log_in)))
        .service(resource("/auth/refresh", "POST").route(web::post().to(refresh::refresh)))
        .service(resource("/auth/logout", "POST").route(web::post().to(logout::log_out)))
        .service(resource("/auth/logout-all", "POST").route(web::post().to(logout::log_out_everywhere)))
        .service(
            resource("/auth/me", "GET, HEAD, PATCH, DELETE")
                .route(get_or_head().to(me::show))
                .route(web::patch().to(me::change))
                .route(web::delete().to(me::delete)),
        )
        .service(resource("/auth/password", "POST").route(web::post().to(password::change)))
        .service(
            resource("/auth/reauthenticate", "POST").route(web::post().to(reauthenticate::reauthenticate)),
        )
        .service(resource("/auth/events", "GET, HEAD").route(get_or_head().to(events::list)))
        .service(resource("/auth/sessions", "GET, HEAD").route(get_or_head().to(sessions::list)))
        .service(resource("/auth/sessions/{id}", "DELETE").route(web::delete().to(sessions::end)))
        .service(resource("/admin/users", "GET, HEAD").route(get_or_head().to(admin::users::list)))
        .service(
            resource("/admin/users/{id}", "GET, HEAD, PATCH")
                .route(get_or_head().to(admin::users::show))
                .route(web::patch().to(admin::users::change)),
        )
        .service(
            resource("/admin/users/{id}/sessions", "GET, HEAD, DELETE")
                .route(get_or_head().to(admin::sessions::list))
                .route(web::delete().to(admin::sessions::end_all)),
        )
        .service(
            resource("/admin/users/{id}/sessions/{session}", "DELETE")
                .route(web::delete().to(admin::sessions::end)),
        )
        .service(resource("/admin/events", "GET, HEAD").route(get_or_head().to(admin::events::list)))
        .service(resource("/.well-known/jwks.json", "GET, HEAD").route(get_or_head().to(well_known::jwks)))
        .service(
            resource("/.well-known/oauth-authorization-server", "GET, HEAD")
                .route(get_or_head().to(well_known::authorization_server)),
        )
        .service(
            resource("/.well-known/openid-configuration", "GET, HEAD")
                .route(get_or_head().to(well_known::openid_configuration)),
        )
        .service(
            resource("/revocations", "GET, HEAD")
                .route(get_or_head().to(revocations::listen).wrap(require::<FeedListener>())),
        )
        .service(resource("/healthz", "GET, HEAD").route(get_or_head().to(health::alive)))
        .service(resource("/readyz", "GET, HEAD").route(get_or_head().to(health::ready)))
        .service(resource("/openapi.json", "GET, HEAD").route(get_or_head().to(openapi::document)))
        .default_service(not_found());
}

pub fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(method_not_allowed(allow))
}
