//! The rules on actix-web: extractors and responses.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, web,
};
use serde::de::DeserializeOwned;

use super::authenticated::{Authenticated, MaybeAuthenticated, authenticate, missing_token};
use super::code::Code;
use super::problem::Problem;
use super::request_head::RequestHead;

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<C: DeserializeOwned + 'static> FromRequest for Authenticated<C> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await?.ok_or_else(|| missing_token(&request)) })
    }
}

impl<C: DeserializeOwned + 'static> FromRequest for MaybeAuthenticated<C> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(Self) })
    }
}

impl RequestHead for HttpRequest {
    fn method_name(&self) -> &str {
        self.method().as_str()
    }

    fn header_values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.headers().get_all(name).map(HeaderValue::as_bytes)
    }

    fn provided<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.app_data::<T>().or_else(|| self.app_data::<web::Data<T>>().map(|data| &***data))
    }

    fn with_kept<T: Send + Sync + 'static, R>(&self, read: impl FnOnce(&T) -> R) -> Option<R> {
        self.extensions().get::<T>().map(read)
    }

    fn keep<T: Clone + Send + Sync + 'static>(&self, value: T) {
        self.extensions_mut().insert(value);
    }
}

impl Code {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.number()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Problem {
    /// The HTTP response.
    #[must_use]
    pub fn to_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.code().status());
        for (name, value) in self.headers() {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(&*value)) {
                response.append_header((name, value));
            }
        }
        response.body(self.body())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.to_response()
    }
}
