mod request_schemas;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use server_kit::openapi::{ApiDocument, add_headers, add_problem, complete, operations};
use shared_claims::Code;
use shared_claims::http::problem::ProblemBody;
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use crate::domain::context::Context;
use crate::http::auth::{
    confirmation, email_change, email_verification, events, factors, forgotten_password, invitations, login,
    logout, me, passkeys, password, password_strength, proofs, reauthenticate, refresh, register,
    second_factor, sessions, setup,
};
use crate::http::system::{health, revocations, well_known};
use crate::http::{Cookies, admin};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey auth-server",
        description = "Registers users, verifies passwords, issues and rotates tokens. Every error is a problem (RFC 9457) with a documented `code`. \
            A path that is not listed here returns 404 `not_found`. A method that is not listed returns 405 `method_not_allowed` with `Allow`; HEAD works wherever GET does. \
            Two responses have no body: 400 for a request that cannot be parsed as HTTP, and 431 for more than 96 headers or 128 KiB of them."
    ),
    paths(
        register::register, confirmation::confirm_registration, login::log_in, refresh::refresh, logout::log_out, logout::log_out_everywhere,
        me::get_me, me::update_me, me::delete_me, password::change_password, password_strength::judge_password, reauthenticate::reauthenticate,
        events::list_events, sessions::list_sessions, sessions::end_other_sessions, sessions::end_session,
        email_verification::request_verification, email_verification::verify_email,
        forgotten_password::forgot_password, forgotten_password::reset_password,
        email_change::change_email, email_change::confirm_email, email_change::get_pending_email, email_change::cancel_email,
        proofs::inspect_link, invitations::accept_invitation, setup::set_up,
        admin::invitations::list_invitations, admin::invitations::invite, admin::invitations::revoke_invitation,
        admin::invitations::resend_invitation,
        admin::users::list::list_users, admin::users::creation::create_user, admin::users::get_user, admin::users::update_user,
        admin::users::delete_user,
        admin::users::send_password_reset,
        admin::sessions::list_user_sessions, admin::sessions::end_user_sessions, admin::sessions::end_user_session,
        admin::servers::list_servers,
        admin::mails::list_mails, admin::mails::retry_mail,
        admin::keys::list_keys, admin::keys::rotate_keys, admin::keys::retire_key,
        admin::overview::get_overview, admin::sessions::of_all::list_all_sessions, admin::events::list_all_events, admin::events::csv::export_events,
        second_factor::complete_login, second_factor::enrol, second_factor::confirm_enrolment,
        passkeys::passkey_login_options, passkeys::log_in_with_passkey, reauthenticate::reauthentication_options,
        factors::passkeys::passkey_creation_options, factors::passkeys::add_passkey, factors::list_factors, factors::update_factors, factors::rename_factor, factors::remove_factor, factors::make_recovery_codes,
        factors::apps::add_app, factors::apps::confirm_app, admin::factors::list_user_factors, admin::factors::reset_user_factors,
        revocations::poll_revocations, well_known::get_key_set, well_known::get_server_metadata, well_known::get_openid_configuration, well_known::get_related_origins,
        health::get_liveness, health::get_readiness, get_openapi,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "session", description = "Create, refresh and end sessions"),
        (name = "account", description = "What users can read and change about themselves"),
        (name = "administration", description = "What users with the role `admin` can read and change about all users"),
        (name = "metadata", description = "Keys, metadata and revocations, for resource servers"),
        (name = "operation", description = "Health checks, for operators"),
    )
)]
struct Document;

/// Returns this document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "metadata",
    params(("If-None-Match" = Option<String>, Header, description = "`ETag` of a cached document")),
    responses(
        (status = 200, description = "OpenAPI 3.1"),
        (status = 304, description = "The cached document is current"),
    )
)]
pub async fn get_openapi(
    request: HttpRequest,
    document: web::Data<ApiDocument>,
    context: web::Data<Context>,
) -> HttpResponse {
    document.respond(&request, || build(&context))
}

fn build(context: &Context) -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    if !context.mail_is_on() {
        document.paths.paths.retain(|path, _| !REQUIRES_MAIL.contains(&path.as_str()));
    }
    add_security_schemes(&mut document);
    for (path, method, call) in operations(&mut document) {
        add_common_problems(path, &method, call);
    }
    request_schemas::complete(&mut document, &context.policy.audiences);
    complete(&mut document, &context.policy.issuer, include_str!("openapi/examples.json"));
    document
}

/// The calls that exist only if the server sends mails.
const REQUIRES_MAIL: [&str; 12] = [
    "/auth/register/confirm",
    "/auth/email/verification",
    "/auth/email/verify",
    "/auth/email",
    "/auth/email/confirm",
    "/auth/email/pending",
    "/auth/password/forgot",
    "/auth/password/reset",
    "/admin/users/{id}/password-reset",
    "/admin/invitations/{id}/resend",
    "/admin/mails",
    "/admin/mails/{id}/retry",
];

fn add_security_schemes(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(Cookies::SECURE_NAME)));
    let bearer = || HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let jwt = || SecurityScheme::Http(bearer().bearer_format("JWT").build());
    components.add_security_scheme("refresh_cookie", cookie);
    components.add_security_scheme("refresh_token", jwt());
    components.add_security_scheme("access_token", jwt());
    components.add_security_scheme("feed_token", SecurityScheme::Http(bearer().build()));
}

/// Adds the problems that follow from what an operation is, so that each handler documents its own only.
fn add_common_problems(path: &str, method: &Method, call: &mut Operation) {
    let is_administration = path.starts_with("/admin/");
    let requires_session = takes(call, "refresh_cookie") && !is_open(call);
    let has_body = call.request_body.is_some();
    let has_query = has_parameter(call, &ParameterIn::Query);
    if *method != Method::GET {
        add_problem(call, Code::OriginNotAllowed, "the page's origin is not in `ALLOWED_ORIGINS`");
    }
    if has_body {
        add_problem(call, Code::BodyTooLarge, "more than 16 KiB");
        add_problem(call, Code::UnsupportedMediaType, "not `application/json`");
    }
    if has_body || has_query {
        add_problem(call, Code::InvalidInput, "`fields` has a message for each invalid member or parameter");
    }
    if path.contains("/keys/{") {
        add_problem(call, Code::NotFound, "no key has this id");
    } else if path.contains("/mails/{") {
        add_problem(call, Code::NotFound, "no mail that failed or waits has this id, or it has expired");
    } else if path.contains("/invitations/{") {
        add_problem(call, Code::NotFound, "no open invitation has this id");
    } else if path.contains("/factors/") && has_parameter(call, &ParameterIn::Path) {
        add_problem(call, Code::NotFound, "the user has no factor with this id, or `MFA=off`");
    } else if path == "/auth/factors/totp" {
        add_problem(call, Code::NotFound, "`MFA=off`");
    } else if path == "/auth/reauthenticate/options" {
        add_problem(call, Code::NotFound, "the user has no passkey");
    } else if path.contains("/passkey") || path == "/.well-known/webauthn" {
        add_problem(call, Code::NotFound, "`MFA=off`, or `ISSUER` has no domain");
    } else if path.contains("/sessions/{") {
        add_problem(call, Code::NotFound, "the user has no active session with this id");
    } else if has_parameter(call, &ParameterIn::Path) {
        add_problem(call, Code::NotFound, "no user has this id");
    }
    if requires_session {
        add_problem(call, Code::MissingToken, "no refresh token");
        add_problem(call, Code::InvalidToken, "not a valid refresh token");
        add_problem(call, Code::SessionEnded, "with `reason`");
        add_problem(call, Code::TokenStale, "refresh first");
    }
    if takes(call, "access_token") {
        add_problem(call, Code::TokenExpired, "the access token has expired");
    }
    if is_administration {
        add_problem(call, Code::RoleRequired, "the user is not an administrator");
        add_problem(
            call,
            Code::StrongerLoginRequired,
            "the session has no second factor, and the user has one or needs one",
        );
        if *method != Method::GET {
            add_problem(
                call,
                Code::FreshLoginRequired,
                "the password was last verified more than `max_age` seconds ago",
            );
        }
    }
    if is_administration || path.starts_with("/auth/") || path == "/revocations" {
        let body = if has_body { ", invalid JSON" } else { "" };
        let query = if has_query { ", a duplicate parameter" } else { "" };
        add_problem(call, Code::MalformedRequest, &format!("two tokens{body}{query}"));
        add_problem(call, Code::InternalError, "");
        add_problem(call, Code::Unavailable, "retry after `retry_after` seconds");
    }
    add_headers(call, requires_session);
}

fn takes(call: &Operation, scheme: &str) -> bool {
    let no_scopes: [&str; 0] = [];
    call.security.iter().flatten().any(|one| *one == SecurityRequirement::new(scheme, no_scopes))
}

fn is_open(call: &Operation) -> bool {
    call.security.iter().flatten().any(|one| *one == SecurityRequirement::default())
}

fn has_parameter(call: &Operation, location: &ParameterIn) -> bool {
    let is_there = |one: &RefOr<Parameter>| matches!(one, RefOr::T(Parameter { parameter_in, .. }) if parameter_in == location);
    call.parameters.iter().flatten().any(is_there)
}
