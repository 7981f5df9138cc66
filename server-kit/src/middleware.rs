//! What both servers do with every request.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

use crate::connections::{Busy, Closing};
use crate::metrics::Measurement;
use crate::request_id::handling;
use crate::request_log::{Line, X_REQUEST_ID, header, id_of};
use crate::{default_headers, framework_errors};

/// Middleware: wrap it around everything else. It is one function, because each middleware allocates futures for every
/// request. Outermost first, it
///
/// 1. marks the connection as busy, and says `Connection: close` if actix closes it after the response;
/// 2. gives the request an id, for `X-Request-Id` of the response and for all log lines of the request
///    ([`request_id::current`](crate::request_id::current)), and keeps an id that one of the app's
///    [`TrustedProxies`](crate::real_ip::TrustedProxies) sent;
/// 3. adds the [`default_headers`](mod@crate::default_headers), and over TLS `Strict-Transport-Security`;
/// 4. logs one line on the target `access`;
/// 5. counts the request, if the app has [`HttpMetrics`](crate::metrics::HttpMetrics) as `app_data` in `web::Data`;
/// 6. converts errors of the framework to problems, as [`framework_errors::to_problems`] does.
///
/// # Errors
/// Those of the inner service, with a response that has the headers.
pub async fn handle_request(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let busy = Busy::begin(&request);
    let closing = Closing::of(&mut request);
    let id = id_of(&request);
    let requires_https = busy.as_ref().is_some_and(Busy::requires_https);
    let headers = Headers { request_id: header(&id), closing, requires_https };
    match handling(id, log_and_measure(request, next)).await {
        Ok(mut response) => {
            headers.add(response.response_mut());
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            headers.add(&mut response);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

async fn log_and_measure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Do not keep a clone of the request: actix panics when it routes a request that is shared.
    let line = Line::of(&request);
    let measurement = Measurement::begin(&request);
    let result = framework_errors::as_problems(next.call(request).await);
    let status = match &result {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    if let Some(measurement) = measurement {
        let route = result.as_ref().ok().and_then(|response| response.request().match_pattern());
        measurement.end(route, status);
    }
    if let Some(line) = line {
        line.log(status);
    }
    result
}

/// The headers of every response.
struct Headers {
    request_id: HeaderValue,
    closing: Closing,
    requires_https: bool,
}

impl Headers {
    fn add(self, response: &mut HttpResponse) {
        default_headers::add(response.headers_mut());
        if self.requires_https {
            let value = HeaderValue::from_static(default_headers::HSTS);
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value);
        }
        response.headers_mut().insert(X_REQUEST_ID, self.request_id);
        if self.closing.is_expected() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
    }
}
