use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;

use actix_http::{Response, ResponseHead};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use actix_web::http::{StatusCode, Version};
use actix_web::web::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use shared_claims::{Clock as _, SystemClock};
use tokio::time::timeout;

use crate::connections::MAX_SENDING;

/// The largest frame that every client accepts.
const FRAME: usize = 16 * 1024;
/// Headers that belong to a connection with HTTP/1.1 (RFC 9113 §8.2.2).
const OF_CONNECTION: [HeaderName; 3] = [CONNECTION, TRANSFER_ENCODING, UPGRADE];

pub async fn send<B: MessageBody>(
    response: Response<B>,
    is_head: bool,
    mut responder: SendResponse<Bytes>,
) -> Result<(), Box<dyn Error>> {
    let size =
        if response.status() == StatusCode::NO_CONTENT { BodySize::None } else { response.body().size() };
    let is_complete = is_head || size.is_eof();
    let mut stream = responder.send_response(head(response.head(), size), is_complete)?;
    if is_complete {
        return Ok(());
    }
    let mut body = pin!(response.into_body());
    while let Some(chunk) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        let Ok(chunk) = chunk else {
            stream.send_reset(Reason::INTERNAL_ERROR);
            return Err("the body failed".into());
        };
        send_chunk(&mut stream, chunk).await?;
    }
    Ok(stream.send_data(Bytes::new(), true)?)
}

/// Waits until the client accepts the bytes, but not for long.
async fn send_chunk(stream: &mut SendStream<Bytes>, mut chunk: Bytes) -> Result<(), Box<dyn Error>> {
    while !chunk.is_empty() {
        stream.reserve_capacity(chunk.len().min(FRAME));
        let Ok(capacity) = timeout(MAX_SENDING, poll_fn(|context| stream.poll_capacity(context))).await
        else {
            stream.send_reset(Reason::CANCEL);
            return Err("the client does not read".into());
        };
        let capacity = capacity.ok_or("the client has hung up")??;
        stream.send_data(chunk.split_to(capacity.min(chunk.len())), false)?;
    }
    Ok(())
}

fn head(head: &ResponseHead, size: BodySize) -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.status_mut() = head.status;
    *response.version_mut() = Version::HTTP_2;
    let headers = response.headers_mut();
    for (name, value) in head.headers.iter().filter(|(name, _)| !OF_CONNECTION.contains(name)) {
        headers.append(name, value.clone());
    }
    if let BodySize::Sized(size) = size {
        headers.insert(CONTENT_LENGTH, size.into());
    }
    if !headers.contains_key(DATE) {
        let now = SystemClock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        headers.extend(HeaderValue::try_from(now).ok().map(|now| (DATE, now)));
    }
    response
}
