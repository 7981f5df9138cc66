//! What answers when no handler of ours does: the framework's bare errors, turned into problems.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, Route, guard, web};
use shared_claims::http::problem::MEDIA_TYPE;
use shared_claims::{Code, Problem};

/// Middleware: an error without a problem body gets the one that fits its status, and keeps its headers (`Allow`,
/// `Vary` and those of CORS). The framework's own text, which can hold what the caller sent, goes to the log.
///
/// Wrap it around everything else: `App::new() … .wrap(from_fn(framework_errors::to_problems))`, last.
///
/// # Errors
/// A [`Problem`], where a middleware within failed before there was an answer.
pub async fn to_problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // A clone of the request must not be held here: actix panics when it routes a request that is shared.
    match next.call(request).await {
        Ok(response) => Ok(with_problem_body(response.map_into_boxed_body())),
        Err(error) => Err(as_problem(error)),
    }
}

/// For `default_service` of an app: 404.
#[must_use]
pub fn not_found() -> Route {
    web::to(|| async { Err::<HttpResponse, _>(Problem::new(Code::NotFound)) })
}

/// For `default_service` of a resource: 405 with `Allow`. Without it, actix answers a wrong method with 404.
#[must_use]
pub fn method_not_allowed(allow: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(Problem::new(Code::MethodNotAllowed).allow(allow)) })
}

/// A route for GET and for HEAD, which must work wherever GET does (RFC 9110 §9.3.2).
#[must_use]
pub fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn with_problem_body(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || has_problem_body(&response) {
        return response;
    }
    if let Some(error) = response.response().error() {
        note(status, error);
    }
    let Some(code) = code_of(status) else {
        return response;
    };
    let mut answer = Problem::new(code).to_response();
    for (name, value) in response.headers() {
        if ![CONTENT_TYPE, CONTENT_LENGTH, CACHE_CONTROL, RETRY_AFTER].contains(name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.into_response(answer)
}

fn as_problem(error: Error) -> Error {
    let status = error.as_response_error().status_code();
    if error.as_error::<Problem>().is_some() {
        return error;
    }
    note(status, &error);
    Problem::new(code_of(status).unwrap_or(Code::InternalError)).into()
}

/// The code for an error that has only a status.
fn code_of(status: StatusCode) -> Option<Code> {
    match status {
        StatusCode::BAD_REQUEST => Some(Code::MalformedRequest),
        StatusCode::NOT_FOUND => Some(Code::NotFound),
        StatusCode::METHOD_NOT_ALLOWED => Some(Code::MethodNotAllowed),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Code::BodyTooLarge),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Code::UnsupportedMediaType),
        StatusCode::TOO_MANY_REQUESTS => Some(Code::TooManyRequests),
        StatusCode::SERVICE_UNAVAILABLE => Some(Code::Unavailable),
        other if other.is_server_error() => Some(Code::InternalError),
        _ => None,
    }
}

fn has_problem_body(response: &ServiceResponse<BoxBody>) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|media_type| media_type == MEDIA_TYPE)
}

fn note(status: StatusCode, error: &Error) {
    // A log line must stay one line, whatever the caller sent.
    let text: String =
        error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    let level = if status.is_server_error() { log::Level::Error } else { log::Level::Info };
    log::log!(level, "the framework answered {}: {text}", status.as_u16());
}
