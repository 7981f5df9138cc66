//! Responses that no handler made: converts actix's own errors to problems.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, Resource, Route, guard, web};
use shared_claims::http::problem::MEDIA_TYPE;
use shared_claims::{Code, Problem};

/// Middleware: gives an error without a problem body the problem of its status. The headers stay (`Allow`, `Vary` and
/// those of CORS). The text of the error can contain input of the caller and goes only to the log.
///
/// Wrap it around all handlers and middleware that can fail.
///
/// # Errors
/// A [`Problem`], if an inner middleware failed without a response.
pub async fn to_problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Do not keep a clone of the request: actix panics when it routes a request that is shared.
    as_problems(next.call(request).await)
}

/// The result of [`to_problems`], for the result of the inner service.
pub(crate) fn as_problems(
    result: Result<ServiceResponse<impl MessageBody + 'static>, Error>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match result {
        Ok(response) => Ok(with_problem_body(response.map_into_boxed_body())),
        Err(error) => Err(as_problem(error)),
    }
}

/// Responds 404; for `default_service` of an app.
#[must_use]
pub fn not_found() -> Route {
    web::to(|| async { Err::<HttpResponse, _>(Problem::new(Code::NotFound)) })
}

/// A resource that responds to other methods with 405 and `allow`. Without that, actix responds with 404.
#[must_use]
pub fn resource(path: &str, allow: &'static str) -> Resource {
    let refuse =
        move || async move { Err::<HttpResponse, _>(Problem::new(Code::MethodNotAllowed).allow(allow)) };
    web::resource(path).default_service(web::to(refuse))
}

/// A route for GET and HEAD. HEAD must work wherever GET does (RFC 9110 §9.3.2).
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
        log_error(status, error);
    }
    let Some(code) = code_of(status) else {
        return response;
    };
    let mut problem = Problem::new(code).to_response();
    for (name, value) in response.headers() {
        if ![CONTENT_TYPE, CONTENT_LENGTH, CACHE_CONTROL, RETRY_AFTER].contains(name) {
            problem.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.into_response(problem)
}

fn as_problem(error: Error) -> Error {
    let status = error.as_response_error().status_code();
    if error.as_error::<Problem>().is_some() {
        return error;
    }
    log_error(status, &error);
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

fn log_error(status: StatusCode, error: &Error) {
    // Input of the caller must not break the log line.
    let text: String =
        error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    let level = if status.is_server_error() { log::Level::Error } else { log::Level::Info };
    log::log!(level, "actix responded {}: {text}", status.as_u16());
}
