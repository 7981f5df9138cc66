use actix_web::{Resource, web};
use server_kit::framework_errors::{get_or_head, method_not_allowed, not_found};

use super::{admin, greeting, health, openapi, profile, protected, transfer, verify};

/// Every URL of the server.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/protected", "GET, HEAD").route(get_or_head().to(protected::show)))
        .service(resource("/profile", "GET, HEAD").route(get_or_head().to(profile::show)))
        .service(resource("/admin", "GET, HEAD").route(get_or_head().to(admin::show)))
        .service(resource("/transfer", "POST").route(web::post().to(transfer::make)))
        .service(resource("/greeting", "GET, HEAD").route(get_or_head().to(greeting::show)))
        .service(resource("/verify", "GET, HEAD").route(get_or_head().to(verify::show)))
        .service(resource("/healthz", "GET, HEAD").route(get_or_head().to(health::alive)))
        .service(resource("/readyz", "GET, HEAD").route(get_or_head().to(health::ready)))
        .service(resource("/openapi.json", "GET, HEAD").route(get_or_head().to(openapi::document)))
        .default_service(not_found());
}

fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(method_not_allowed(allow))
}
