use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
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

/// Far more than any request of ours needs.
const MAX_BYTES: usize = 16 * 1024;

/// A client that sends byte by byte must not hold its connection for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// A JSON body. No member may stand twice, and none may be unknown: a misspelt option must not pass unnoticed.
pub struct Json<T>(pub T);

/// The same, where a request may have no body at all.
pub struct OptionalJson<T>(pub Option<T>);

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload).await?;
            let bytes = bytes.ok_or_else(|| malformed("A JSON body is needed."))?;
            parse(&bytes).map(Self)
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for OptionalJson<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload).await?;
            bytes.map(|bytes| parse(&bytes)).transpose().map(Self)
        })
    }
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Option<Bytes>, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge).detail("The body is over 16 KiB.");
    // Whoever announces too much need not send it first.
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MAX_BYTES as u64) {
        return Err(too_large());
    }
    let body = web::Payload::from_request(request, &mut payload).await;
    let body = body.map_err(|_| malformed("The body cannot be read."))?;
    let bytes = timeout(PATIENCE, body.to_bytes_limited(MAX_BYTES)).await;
    let bytes = bytes.map_err(|_| malformed("The body did not arrive in time."))?;
    let bytes = bytes.map_err(|_| too_large())?;
    let bytes = bytes.map_err(|_| malformed("The body ended too early."))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("Send application/json."));
    }
    Ok(Some(bytes))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value: Value = strict_json::from_slice(bytes).map_err(|error| match error {
        StrictJsonError::DuplicateMember(_) => malformed("A member stands twice in the JSON."),
        StrictJsonError::Syntax | StrictJsonError::Data(_) => malformed("The body is not JSON."),
    })?;
    if !value.is_object() {
        return Err(malformed("The body must be a JSON object."));
    }
    let mut unknown = BTreeMap::new();
    let parsed = serde_ignored::deserialize(value, |path| {
        unknown.insert(path.to_string(), "is not known here".to_owned());
    });
    let parsed = parsed.map_err(|_| malformed("A member of the body has the wrong type."))?;
    if unknown.is_empty() { Ok(parsed) } else { Err(Problem::new(Code::InvalidInput).fields(unknown)) }
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(Code::MalformedRequest).detail(detail)
}
