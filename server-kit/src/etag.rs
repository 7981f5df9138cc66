//! Content that clients may cache and revalidate (RFC 9110 §13.1.2).

use actix_web::body::MessageBody;
use actix_web::http::header::{CACHE_CONTROL, ContentType, ETag, EntityTag, Header as _, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

/// Caches may use the response for 5 minutes.
pub const MAX_AGE: &str = "max-age=300";

/// Responds with `json` and its strong `ETag`, or 304 if the client has it already.
pub fn json_with_etag(request: &HttpRequest, tag: &str, json: impl MessageBody + 'static) -> HttpResponse {
    let (mut response, is_known) = response_with_etag(request, tag);
    response.insert_header((CACHE_CONTROL, MAX_AGE));
    if is_known { response.finish() } else { response.content_type(ContentType::json()).body(json) }
}

/// A response with the strong `ETag`, and whether it is a 304, which has no body: the client has the content already.
#[must_use]
pub fn response_with_etag(request: &HttpRequest, tag: &str) -> (HttpResponseBuilder, bool) {
    let tag = EntityTag::new_strong(tag.to_owned());
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|other| other.weak_eq(&tag)),
        // There is none, or it is malformed.
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(ETag(tag));
    (response, is_known)
}
