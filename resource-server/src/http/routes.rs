use actix_web::web;
use server_kit::docs;
use server_kit::framework_errors::{get_or_head, not_found, resource};
use shared_claims::require_token;
use url::Url;

use super::{admin, greeting, health, openapi, profile, protected, transfer, verify};

/// Every URL of the server. Routes are guarded one by one rather than as a scope, so that a wrong method gets 405
/// without a token.
pub fn routes(config: &mut web::ServiceConfig, issuer: &Url) {
    docs::routes(config, Some(issuer));
    config
        .service(
            resource("/protected", "GET, HEAD")
                .route(get_or_head().to(protected::show).wrap(require_token())),
        )
        .service(
            resource("/profile", "GET, HEAD").route(get_or_head().to(profile::show).wrap(require_token())),
        )
        .service(resource("/admin", "GET, HEAD").route(get_or_head().to(admin::show).wrap(require_token())))
        .service(resource("/transfer", "POST").route(web::post().to(transfer::make).wrap(require_token())))
        .service(resource("/greeting", "GET, HEAD").route(get_or_head().to(greeting::show)))
        .service(resource("/verify", "GET, HEAD").route(get_or_head().to(verify::show)))
        .service(resource("/healthz", "GET, HEAD").route(get_or_head().to(health::alive)))
        .service(resource("/readyz", "GET, HEAD").route(get_or_head().to(health::ready)))
        .service(resource("/openapi.json", "GET, HEAD").route(get_or_head().to(openapi::document)))
        .default_service(not_found());
}
