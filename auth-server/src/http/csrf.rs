use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, ORIGIN, REFERER};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use server_kit::cors::CorsPolicy;
use shared_claims::Problem;
use url::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may send unsafe requests: this server's own and `ALLOWED_ORIGINS`.
pub struct TrustedOrigins {
    own: String,
    allowed: web::Data<CorsPolicy>,
}

impl TrustedOrigins {
    pub fn new(issuer: &Url, allowed: web::Data<CorsPolicy>) -> Self {
        Self { own: issuer.origin().ascii_serialization(), allowed }
    }

    /// Rejects unsafe methods, and preflight requests, from pages of other origins; and preflight requests for headers that
    /// are not listed.
    fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let headers = request.headers();
        let preflight = headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if (!safe || preflight) && !self.trust(headers) {
            return Err(self.allowed.reject_origin(headers));
        }
        self.allowed.check(request)
    }

    fn contain(&self, origin: &str) -> bool {
        self.own == origin || self.allowed.allows(origin)
    }

    /// The check against cross-site request forgery. A request with none of these headers does not come from a browser, so no
    /// other site can have caused it.
    fn trust(&self, headers: &HeaderMap) -> bool {
        // A repeated header must be trusted in every value.
        let all = |name, is_trusted: &dyn Fn(&str) -> bool| {
            headers.get_all(name).all(|value| value.to_str().is_ok_and(is_trusted))
        };
        if headers.contains_key(ORIGIN) {
            return all(ORIGIN, &|origin| self.contain(origin));
        }
        if headers.contains_key(SEC_FETCH_SITE) {
            return all(SEC_FETCH_SITE, &|site| matches!(site, "same-origin" | "none"));
        }
        all(REFERER, &|referer| {
            Url::parse(referer).is_ok_and(|url| self.contain(&url.origin().ascii_serialization()))
        })
    }
}

/// Middleware: the checks of [`TrustedOrigins`]. Wrap it around `cors`.
pub async fn check_origin(
    origins: web::Data<TrustedOrigins>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match origins.check(&request) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}
