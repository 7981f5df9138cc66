//! CORS: the origins whose pages may read responses, and the errors for all others.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_TYPE, HeaderMap,
    HeaderName, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::middleware::{Condition, Next};
use actix_web::{Error, web};
use shared_claims::http::access_cookie::X_CSRF_TOKEN;
use shared_claims::{Code, Problem};
use url::Url;

use crate::request_log::X_REQUEST_ID;
use crate::settings::{HeaderNames, Origins, is_loopback};

/// What pages may send without a setting: what the servers read, and what HTTP libraries and tracing add by themselves.
const HEADERS: [HeaderName; 10] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static(X_CSRF_TOKEN),
    HeaderName::from_static("x-requested-with"),
    X_REQUEST_ID,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("sentry-trace"),
];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Seconds for which browsers may cache the response to a preflight.
const PREFLIGHT_MAX_AGE: usize = 600;
/// Clients can send any number of origins. At most this number is remembered and logged in [`LOG_PERIOD`].
const MAX_LOGGED: usize = 100;
const LOG_PERIOD: Duration = Duration::from_secs(60 * 60);
/// Limits what a client can write into the log and the response.
const MAX_CHARS: usize = 200;

/// The origins and headers that pages of other origins may use.
pub struct CorsPolicy {
    origins: Origins,
    headers: Vec<HeaderName>,
    /// Whether responses name what is missing in the settings: only in development.
    explains: bool,
    logged: Mutex<Logged>,
}

/// What was logged already.
struct Logged {
    sentences: HashSet<String>,
    since: Instant,
}

impl CorsPolicy {
    /// From `ALLOWED_ORIGINS` and `ALLOWED_HEADERS`. Responses explain rejections if the issuer is on loopback.
    #[must_use]
    pub fn new(origins: Origins, headers: HeaderNames, issuer: &Url) -> Self {
        let headers = HEADERS.into_iter().chain(headers.0).collect();
        Self { origins, headers, explains: is_loopback(issuer), logged: Mutex::default() }
    }

    /// Whether pages of this origin may call the server.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.contain(origin)
    }

    /// The response to a request of a page whose origin is not allowed. Logs each origin once.
    #[must_use]
    pub fn reject_origin(&self, headers: &HeaderMap) -> Problem {
        let problem = Problem::new(Code::OriginNotAllowed);
        let origins = headers.get_all(ORIGIN).filter_map(|origin| origin.to_str().ok());
        match origins.map(printable).find(|origin| !self.allows(origin)) {
            Some(origin) => self.explained(problem, self.warn_about_origin(&origin)),
            None => problem,
        }
    }

    /// Rejects preflights for origins and headers that are not listed. Logs origins whose pages cannot read the response.
    ///
    /// # Errors
    /// The response to the preflight.
    pub fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let headers = request.headers();
        let is_preflight =
            *request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let Some(origin) = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return Ok(()) };
        if self.allows(origin) {
            return if is_preflight { self.check_headers(headers) } else { Ok(()) };
        }
        if is_preflight {
            return Err(self.reject_origin(headers));
        }
        // Pages of the host of this server need no permission.
        if headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site" || site == "same-site") {
            self.warn_about_origin(&printable(origin));
        }
        Ok(())
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let lists = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).filter_map(|list| list.to_str().ok());
        let mut names =
            lists.flat_map(|list| list.split(',')).filter_map(|name| name.trim().parse::<HeaderName>().ok());
        let Some(name) = names.find(|name| !self.headers.contains(name)) else { return Ok(()) };
        let sentence = format!("The request header {} is not in ALLOWED_HEADERS.", printable(name.as_str()));
        self.warn_once(&sentence);
        Err(self.explained(Problem::new(Code::MalformedRequest), sentence))
    }

    fn warn_about_origin(&self, origin: &str) -> String {
        let sentence = if origin == "null" {
            "The origin null, of local files and sandboxed frames, cannot be in ALLOWED_ORIGINS.".to_owned()
        } else if self.origins.has_every_loopback() {
            // The local stack has no ALLOWED_ORIGINS.
            format!(
                "The origin {origin} is not allowed. --allow-origin={origin} of the local stack allows it."
            )
        } else {
            format!("The origin {origin} is not in ALLOWED_ORIGINS.")
        };
        self.warn_once(&sentence);
        sentence
    }

    fn warn_once(&self, sentence: &str) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.sentences.len() == MAX_LOGGED && logged.since.elapsed() >= LOG_PERIOD {
            *logged = Logged::default();
        }
        if logged.sentences.len() < MAX_LOGGED && logged.sentences.insert(sentence.to_owned()) {
            log::warn!("rejected a page of another origin: {sentence} (logged once)");
        }
    }

    fn explained(&self, problem: Problem, sentence: String) -> Problem {
        if self.explains { problem.detail(sentence) } else { problem }
    }
}

impl Default for Logged {
    fn default() -> Self {
        Self { sentences: HashSet::new(), since: Instant::now() }
    }
}

/// Middleware: rejects preflights with a problem that says what is missing. Wrap it around [`cors`].
///
/// # Errors
/// Those of the inner service.
pub async fn check_preflight(
    policy: web::Data<CorsPolicy>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match policy.check(&request) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

/// Middleware: only pages of the allowed origins may use these methods and read the responses. Allows credentials,
/// therefore never `*`. Without origins it sends no CORS headers.
#[must_use]
pub fn cors(policy: &web::Data<CorsPolicy>, methods: &[Method]) -> Condition<Cors> {
    let origins = policy.clone();
    let cors = Cors::default()
        .allowed_origin_fn(move |origin, _| origin.to_str().is_ok_and(|origin| origins.allows(origin)))
        .allowed_methods(methods.iter().cloned())
        .allowed_headers(&policy.headers)
        .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE, X_REQUEST_ID])
        .supports_credentials()
        .block_on_origin_mismatch(false)
        .max_age(PREFLIGHT_MAX_AGE);
    Condition::new(!policy.origins.is_empty(), cors)
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{CorsPolicy, HeaderNames, LOG_PERIOD, MAX_LOGGED, Origins};

    #[test]
    fn rejections_are_remembered_in_bounded_memory() {
        let issuer = "https://auth.example.org".parse().expect("a URL");
        let policy = CorsPolicy::new(Origins::default(), HeaderNames::default(), &issuer);
        let remembered = || policy.logged.lock().expect("the lock").sentences.len();
        for number in 0..1000 {
            policy.warn_about_origin(&format!("https://{number}.example"));
        }
        assert_eq!(remembered(), MAX_LOGGED);
        // Later, new origins are logged again.
        let Some(since) = Instant::now().checked_sub(LOG_PERIOD + Duration::from_secs(1)) else { return };
        policy.logged.lock().expect("the lock").since = since;
        policy.warn_about_origin("https://a.example");
        policy.warn_about_origin("https://a.example");
        assert_eq!(remembered(), 1);
    }
}
