use actix_web::web;
use server_kit::framework_errors::{get_or_head, not_found, resource};
use shared_claims::require;

use crate::http::auth::{events, login, logout, me, password, reauthenticate, refresh, register, sessions};
use crate::http::system::pages::Pages;
use crate::http::system::revocations::FeedAccess;
use crate::http::system::{health, pages, revocations, well_known};
use crate::http::{admin, openapi};

/// All URLs of the server, including those of its pages.
pub fn routes(config: &mut web::ServiceConfig, pages: &Pages) {
    pages::routes(config, pages);
    config
        .service(resource("/auth/register", "POST").route(web::post().to(register::register)))
        .service(resource("/auth/login", "POST").route(web::post().to(login::log_in)))
        .service(resource("/auth/refresh", "POST").route(web::post().to(refresh::refresh)))
        .service(resource("/auth/logout", "POST").route(web::post().to(logout::log_out)))
        .service(resource("/auth/logout-all", "POST").route(web::post().to(logout::log_out_everywhere)))
        .service(
            resource("/auth/me", "GET, HEAD, PATCH, DELETE")
                .route(get_or_head().to(me::get_me))
                .route(web::patch().to(me::update_me))
                .route(web::delete().to(me::delete_me)),
        )
        .service(resource("/auth/password", "POST").route(web::post().to(password::change_password)))
        .service(
            resource("/auth/reauthenticate", "POST").route(web::post().to(reauthenticate::reauthenticate)),
        )
        .service(resource("/auth/events", "GET, HEAD").route(get_or_head().to(events::list_events)))
        .service(resource("/auth/sessions", "GET, HEAD").route(get_or_head().to(sessions::list_sessions)))
        .service(resource("/auth/sessions/{id}", "DELETE").route(web::delete().to(sessions::end_session)))
        .service(resource("/admin/users", "GET, HEAD").route(get_or_head().to(admin::users::list_users)))
        .service(
            resource("/admin/users/{id}", "GET, HEAD, PATCH")
                .route(get_or_head().to(admin::users::get_user))
                .route(web::patch().to(admin::users::update_user)),
        )
        .service(
            resource("/admin/users/{id}/sessions", "GET, HEAD, DELETE")
                .route(get_or_head().to(admin::sessions::list_user_sessions))
                .route(web::delete().to(admin::sessions::end_user_sessions)),
        )
        .service(
            resource("/admin/users/{id}/sessions/{session}", "DELETE")
                .route(web::delete().to(admin::sessions::end_user_session)),
        )
        .service(
            resource("/admin/events", "GET, HEAD").route(get_or_head().to(admin::events::list_all_events)),
        )
        .service(
            resource("/.well-known/jwks.json", "GET, HEAD").route(get_or_head().to(well_known::get_key_set)),
        )
        .service(
            resource("/.well-known/oauth-authorization-server", "GET, HEAD")
                .route(get_or_head().to(well_known::get_server_metadata)),
        )
        .service(
            resource("/.well-known/openid-configuration", "GET, HEAD")
                .route(get_or_head().to(well_known::get_openid_configuration)),
        )
        .service(
            resource("/revocations", "GET, HEAD")
                .route(get_or_head().to(revocations::poll_revocations).wrap(require::<FeedAccess>())),
        )
        .service(resource("/healthz", "GET, HEAD").route(get_or_head().to(health::get_liveness)))
        .service(resource("/readyz", "GET, HEAD").route(get_or_head().to(health::get_readiness)))
        .service(resource("/openapi.json", "GET, HEAD").route(get_or_head().to(openapi::get_openapi)))
        .default_service(not_found());
}
