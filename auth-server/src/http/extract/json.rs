use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::rt::time::timeout;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_claims::strict_json::{self, StrictJsonError};
use shared_claims::{Code, Problem};

use crate::http::extract::Extraction;
use crate::http::validation::UNKNOWN_MEMBER;

const MAX_BODY_BYTES: usize = 16 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Time to receive a body, so that a slow client cannot hold its connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A JSON object without duplicate or unknown members: a misspelt option must not be ignored.
pub struct Json<T>(pub T);

/// The same, or no body. `null` counts as no body: some clients send it in place of an absent object.
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = OptionalJson::from_request(request, payload);
        Box::pin(async move {
            let OptionalJson(body) = body.await?;
            body.map(Self).ok_or_else(|| malformed("The request requires a JSON body."))
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for OptionalJson<T> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload).await?;
            bytes.map_or(Ok(None), |bytes| parse(&bytes)).map(Self)
        })
    }
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Option<Bytes>, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge).detail("The body is larger than 16 KiB.");
    // Rejected before it is received.
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let body = web::Payload::from_request(request, &mut payload).await;
    let body = body.map_err(|_| malformed("The body cannot be read."))?;
    let bytes = timeout(BODY_TIMEOUT, body.to_bytes_limited(MAX_BODY_BYTES))
        .await
        .map_err(|_| malformed("The body did not arrive in time."))?
        .map_err(|_| too_large())?
        .map_err(|_| malformed("The body is incomplete."))?;
    // Some editors and libraries add a byte order mark. Parsers may ignore it (RFC 8259 §8.1).
    let bytes =
        bytes.strip_prefix(BYTE_ORDER_MARK).map_or_else(|| bytes.clone(), |rest| bytes.slice_ref(rest));
    if bytes.is_empty() {
        return Ok(None);
    }
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(
            Problem::new(Code::UnsupportedMediaType).detail("The Content-Type must be application/json.")
        );
    }
    Ok(Some(bytes))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<T>, Problem> {
    let value: Value = strict_json::from_slice(bytes).map_err(|error| match error {
        StrictJsonError::DuplicateMember(_) => malformed("The JSON has a duplicate member."),
        StrictJsonError::Syntax | StrictJsonError::Data(_) => malformed("The body is not valid JSON."),
    })?;
    if value.is_null() {
        return Ok(None);
    }
    if !value.is_object() {
        return Err(malformed("The body must be a JSON object."));
    }
    let mut unknown = BTreeMap::new();
    let parsed = serde_ignored::deserialize(value, |path| {
        unknown.insert(path.to_string(), UNKNOWN_MEMBER.to_owned());
    });
    let parsed = parsed.map_err(|_| malformed("A member of the body has the wrong type."))?;
    if unknown.is_empty() { Ok(Some(parsed)) } else { Err(Problem::new(Code::InvalidInput).fields(unknown)) }
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(Code::MalformedRequest).detail(detail)
}
