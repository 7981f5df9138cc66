use actix_web::web;
use server_kit::framework_errors::{get_or_head, not_found, resource};
use shared_claims::require;

use crate::http::auth::{
    confirmation, email_change, email_verification, events, factors, forgotten_password, invitations, login,
    logout, me, passkeys, password, password_strength, proofs, reauthenticate, refresh, register,
    second_factor, sessions, setup,
};
use crate::http::pages::Links;
use crate::http::system::pages::Pages;
use crate::http::system::revocations::FeedAccess;
use crate::http::system::{health, pages, revocations, well_known};
use crate::http::{admin, openapi};

/// All URLs of the server, including those of its pages.
pub fn routes(config: &mut web::ServiceConfig, pages: &Pages) {
    pages::routes(config, pages);
    match pages.renderer.options.links {
        Links::None => {}
        Links::Invitations => invitation_routes(config),
        Links::Mailed => {
            invitation_routes(config);
            mail_routes(config);
        }
    }
    system_routes(config);
    factor_routes(config);
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
            resource("/auth/password/strength", "POST")
                .route(web::post().to(password_strength::judge_password)),
        )
        .service(
            resource("/auth/reauthenticate", "POST").route(web::post().to(reauthenticate::reauthenticate)),
        )
        .service(resource("/auth/events", "GET, HEAD").route(get_or_head().to(events::list_events)))
        .service(
            resource("/auth/sessions", "GET, HEAD, DELETE")
                .route(get_or_head().to(sessions::list_sessions))
                .route(web::delete().to(sessions::end_other_sessions)),
        )
        .service(resource("/auth/sessions/{id}", "DELETE").route(web::delete().to(sessions::end_session)))
        .service(
            resource("/admin/users", "GET, HEAD, POST")
                .route(get_or_head().to(admin::users::list::list_users))
                .route(web::post().to(admin::users::creation::create_user)),
        )
        .service(
            resource("/admin/users/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get_or_head().to(admin::users::get_user))
                .route(web::patch().to(admin::users::update_user))
                .route(web::delete().to(admin::users::delete_user)),
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
            resource("/admin/overview", "GET, HEAD").route(get_or_head().to(admin::overview::get_overview)),
        )
        .service(
            resource("/admin/sessions", "GET, HEAD")
                .route(get_or_head().to(admin::sessions::of_all::list_all_sessions)),
        )
        .service(
            resource("/admin/events.csv", "GET, HEAD")
                .route(get_or_head().to(admin::events::csv::export_events)),
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
            resource("/.well-known/webauthn", "GET, HEAD")
                .route(get_or_head().to(well_known::get_related_origins)),
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

/// What administrators see and change of the system, beside its users.
fn system_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/admin/servers", "GET, HEAD").route(get_or_head().to(admin::servers::list_servers)),
        )
        .service(resource("/admin/keys", "GET, HEAD").route(get_or_head().to(admin::keys::list_keys)))
        .service(resource("/admin/keys/rotate", "POST").route(web::post().to(admin::keys::rotate_keys)))
        .service(resource("/admin/keys/{kid}/retire", "POST").route(web::post().to(admin::keys::retire_key)));
}

fn factor_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/auth/login/factor", "POST").route(web::post().to(second_factor::complete_login)))
        .service(resource("/auth/login/enrol", "POST").route(web::post().to(second_factor::enrol)))
        .service(
            resource("/auth/login/enrol/confirm", "POST")
                .route(web::post().to(second_factor::confirm_enrolment)),
        )
        .service(
            resource("/auth/factors", "GET, HEAD, PATCH")
                .route(get_or_head().to(factors::list_factors))
                .route(web::patch().to(factors::update_factors)),
        )
        .service(resource("/auth/factors/totp", "POST").route(web::post().to(factors::apps::add_app)))
        .service(
            resource("/auth/factors/totp/{id}/confirm", "POST")
                .route(web::post().to(factors::apps::confirm_app)),
        )
        .service(
            resource("/auth/factors/passkey/options", "POST")
                .route(web::post().to(factors::passkeys::passkey_creation_options)),
        )
        .service(
            resource("/auth/factors/passkey", "POST").route(web::post().to(factors::passkeys::add_passkey)),
        )
        .service(
            resource("/auth/passkey/options", "POST").route(web::post().to(passkeys::passkey_login_options)),
        )
        .service(resource("/auth/passkey/login", "POST").route(web::post().to(passkeys::log_in_with_passkey)))
        .service(
            resource("/auth/reauthenticate/options", "POST")
                .route(web::post().to(reauthenticate::reauthentication_options)),
        )
        .service(
            resource("/auth/factors/recovery-codes", "POST")
                .route(web::post().to(factors::make_recovery_codes)),
        )
        .service(
            resource("/auth/factors/{id}", "PATCH, DELETE")
                .route(web::patch().to(factors::rename_factor))
                .route(web::delete().to(factors::remove_factor)),
        )
        .service(
            resource("/admin/users/{id}/factors", "GET, HEAD, DELETE")
                .route(get_or_head().to(admin::factors::list_user_factors))
                .route(web::delete().to(admin::factors::reset_user_factors)),
        );
}

/// Exist if there is a secret that links can be derived from.
fn invitation_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/admin/invitations", "GET, HEAD, POST")
                .route(get_or_head().to(admin::invitations::list_invitations))
                .route(web::post().to(admin::invitations::invite)),
        )
        .service(
            resource("/admin/invitations/{id}", "DELETE")
                .route(web::delete().to(admin::invitations::revoke_invitation)),
        )
        .service(
            resource("/auth/invitations/accept", "POST")
                .route(web::post().to(invitations::accept_invitation)),
        )
        .service(resource("/auth/setup", "POST").route(web::post().to(setup::set_up)))
        .service(resource("/auth/proofs/inspect", "POST").route(web::post().to(proofs::inspect_link)));
}

/// Exist if the server sends mails.
fn mail_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/auth/register/confirm", "POST")
                .route(web::post().to(confirmation::confirm_registration)),
        )
        .service(
            resource("/auth/email/verification", "POST")
                .route(web::post().to(email_verification::request_verification)),
        )
        .service(
            resource("/auth/email/verify", "POST").route(web::post().to(email_verification::verify_email)),
        )
        .service(
            resource("/auth/password/forgot", "POST")
                .route(web::post().to(forgotten_password::forgot_password)),
        )
        .service(
            resource("/auth/password/reset", "POST")
                .route(web::post().to(forgotten_password::reset_password)),
        )
        .service(resource("/auth/email", "POST").route(web::post().to(email_change::change_email)))
        .service(resource("/auth/email/confirm", "POST").route(web::post().to(email_change::confirm_email)))
        .service(
            resource("/auth/email/pending", "GET, HEAD, DELETE")
                .route(get_or_head().to(email_change::get_pending_email))
                .route(web::delete().to(email_change::cancel_email)),
        )
        .service(
            resource("/admin/users/{id}/password-reset", "POST")
                .route(web::post().to(admin::users::send_password_reset)),
        )
        .service(
            resource("/admin/invitations/{id}/resend", "POST")
                .route(web::post().to(admin::invitations::resend_invitation)),
        )
        .service(resource("/admin/mails", "GET, HEAD").route(get_or_head().to(admin::mails::list_mails)))
        .service(resource("/admin/mails/{id}/retry", "POST").route(web::post().to(admin::mails::retry_mail)));
}
