//! The second half of a login.

use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_claims::Problem;
use utoipa::ToSchema;
use webauthn::RegistrationResponse;

use crate::domain::context::Context;
use crate::domain::factors::{AnswerError, RecoveryCodes};
use crate::domain::sessions::{self, FactorError, NewSession};
use crate::domain::users::enrolment::{self, EnrolmentError};
use crate::http::auth::factors::apps::NewAppBody;
use crate::http::auth::session_options::SessionOptions;
use crate::http::extract::refresh_token::find_all;
use crate::http::extract::{Json, accept_language};
use crate::http::problems::SecondFactorProblems;
use crate::http::responses::{self, Recovery, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::ClientInfo;

/// A challenge, one of `code`, `recovery_code` and `passkey`, and the options of the session.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecondFactor)]
pub struct SecondFactorRequest {
    /// From the response `mfa_required`.
    #[schema(value_type = String, required)]
    challenge: Option<SecretString>,
    /// The code of an authenticator app.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){6,8}$")]
    code: Option<SecretString>,
    /// A recovery code, in any case, with or without hyphens.
    #[schema(value_type = Option<String>, max_length = 64)]
    recovery_code: Option<SecretString>,
    /// What `navigator.credentials.get` returned for `passkey_options`, as `toJSON()` writes it.
    #[schema(value_type = Option<Object>)]
    passkey: Option<Map<String, Value>>,
    #[serde(flatten)]
    #[schema(inline)]
    session: SessionOptions,
}

/// Completes a login with a second factor.
///
/// The challenge accepts 5 answers within 10 minutes. A code can be used only once. If the request contains the refresh token
/// of another session, that session ends.
#[utoipa::path(
    post, path = "/auth/login/factor", tag = "session", request_body = SecondFactorRequest,
    responses((status = 200, description = "The tokens of the new session", body = Tokens), SecondFactorProblems)
)]
pub async fn complete_login(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<SecondFactorRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let challenge = validation.required("challenge", body.challenge);
    let is_answered = body.code.is_some() || body.recovery_code.is_some() || body.passkey.is_some();
    let answer = validation.answer(body.code, body.recovery_code, body.passkey);
    if !is_answered {
        validation.reject("code", "is missing: send code, recovery_code or passkey");
    }
    let session = body.session.parse(&mut validation, client);
    let (challenge, answer) = validation.finish(challenge.zip(answer))?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let attempt = rate_limit.count(session.client.ip)?;
    let outcome = sessions::complete_login(&context, &challenge, answer, session).await;
    match &outcome {
        Ok(_) => rate_limit.refund(attempt),
        Err(FactorError::Answer(AnswerError::QueueFull(_)) | FactorError::UnknownAudience) => {
            rate_limit.cancel(attempt);
        }
        Err(_) => {}
    }
    let login = outcome?;
    let codes = login.recovery_codes.map(RecoveryCodes::into_texts);
    let recovery = Recovery { codes, left: login.recovery_codes_left };
    Ok(responses::new_session_with(HttpResponse::Ok(), &request, cookies, &login.issued, recovery))
}

/// A challenge that asks for a new second factor.
#[derive(Deserialize, ToSchema)]
#[schema(as = Enrolment)]
pub struct EnrolRequest {
    /// From the response `mfa_enrolment_required`.
    #[schema(value_type = String, required)]
    challenge: Option<SecretString>,
    /// `totp`, `passkey` or `security_key`
    #[schema(value_type = String, required, pattern = "^(totp|passkey|security_key)$")]
    kind: Option<String>,
    /// After `email_code_required`: the code in the mail, 8 digits, which may be grouped by spaces and hyphens.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){8}$")]
    email_code: Option<SecretString>,
}

/// The proof of a new factor.
enum Proof {
    Code(SecretString),
    Credential(RegistrationResponse),
}

/// One of both, as `kind` says.
#[derive(ToSchema)]
#[schema(as = NewFactor)]
#[serde(untagged)]
#[expect(dead_code, reason = "only describes the response")]
pub enum NewFactorBody {
    App(NewAppBody),
    /// `PublicKeyCredentialCreationOptionsJSON`
    #[schema(value_type = Object)]
    Passkey(Value),
}

/// Begins to set up the second factor that a login requires.
///
/// Returns the secret for an authenticator app, or the options for `navigator.credentials.create`. The first code or the new
/// credential completes the login.
///
/// Where the server sends mail, a user with a verified address first gets a code: 401 `email_code_required`. Send the call again with
/// `email_code`. Without it, the same mail is sent again, at most once a minute.
#[utoipa::path(
    post, path = "/auth/login/enrol", tag = "session", request_body = EnrolRequest,
    responses((status = 200, description = "The secret of the app, or the options", body = NewFactorBody), SecondFactorProblems)
)]
pub async fn enrol(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<EnrolRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let challenge = validation.required("challenge", body.challenge);
    let kind = match body.kind.as_deref() {
        Some("totp") => Some(None),
        Some(kind) => validation.passkey_kind(Some(kind)).map(Some),
        None => validation.required("kind", None),
    };
    let email_code = validation.mailed_code("email_code", body.email_code);
    let (challenge, kind) = validation.finish(challenge.zip(kind))?;
    let attempt = rate_limit.count(client.ip)?;
    let locale = context.locale(accept_language(&request));
    let opened = enrolment::open(&context, &challenge, email_code, locale, &client).await;
    if matches!(opened, Err(EnrolmentError::MailedCodeRequired)) {
        rate_limit.refund(attempt);
    }
    let challenge = opened?;
    if let Some(kind) = kind {
        return Ok(HttpResponse::Ok().json(enrolment::passkey_options(&context, &challenge, kind).await?));
    }
    let (app, user) = enrolment::begin(&context, challenge, &client).await?;
    Ok(HttpResponse::Ok().json(NewAppBody::new(&context, &app, &user)))
}

/// The first code of the new app or the new credential, and the options of the session.
#[derive(Deserialize, ToSchema)]
#[schema(as = EnrolmentConfirmation)]
pub struct ConfirmEnrolmentRequest {
    /// From the response `mfa_enrolment_required`.
    #[schema(value_type = String, required)]
    challenge: Option<SecretString>,
    /// The code of the authenticator app.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){6,8}$")]
    code: Option<SecretString>,
    /// What `navigator.credentials.create` returned, as `toJSON()` writes it.
    #[schema(value_type = Option<Object>)]
    credential: Option<Map<String, Value>>,
    #[serde(flatten)]
    #[schema(inline)]
    session: SessionOptions,
}

/// Completes a login that required a new second factor.
///
/// `recovery_codes` in the response are shown this once.
#[utoipa::path(
    post, path = "/auth/login/enrol/confirm", tag = "session", request_body = ConfirmEnrolmentRequest,
    responses((status = 200, description = "The tokens of the new session", body = Tokens), SecondFactorProblems)
)]
pub async fn confirm_enrolment(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<ConfirmEnrolmentRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let challenge = validation.required("challenge", body.challenge);
    let proof = match (body.code, body.credential) {
        (Some(_), Some(_)) => {
            validation.reject("credential", "must not be combined with code");
            None
        }
        (None, Some(credential)) => {
            validation.credential("credential", Some(credential)).map(Proof::Credential)
        }
        (code, None) => validation.app_code(code).map(Proof::Code),
    };
    let session = body.session.parse(&mut validation, client);
    let (challenge, proof) = validation.finish(challenge.zip(proof))?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let attempt = rate_limit.count(session.client.ip)?;
    let (issued, codes) = match proof {
        Proof::Code(code) => enrolment::confirm(&context, &challenge, code, session).await?,
        Proof::Credential(response) => {
            enrolment::confirm_passkey(&context, &challenge, &response, session).await?
        }
    };
    rate_limit.refund(attempt);
    let recovery = Recovery { codes: codes.map(RecoveryCodes::into_texts), left: None };
    Ok(responses::new_session_with(HttpResponse::Ok(), &request, cookies, &issued, recovery))
}
