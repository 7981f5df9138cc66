//! Responses with pages and their files: compressed, and revalidated by caches.

use std::io::Write as _;

use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentEncoding, Encoding,
    Header as _, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::etag::response_with_etag;

/// Responds with a page or a file of one, or with 304 if the client has it already. The content must be free of secrets:
/// if an attacker can add text to it, the compressed size tells whether that text resembles a secret (BREACH).
#[must_use]
pub fn respond(request: &HttpRequest, media_type: &str, policy: &str, content: Bytes) -> HttpResponse {
    // PNG is compressed already.
    let is_compressed = media_type != "image/png" && accepts_gzip(request);
    let tag = BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, &content).as_ref()[..16]);
    let (mut response, is_known) = response_with_etag(request, &encoded_tag(tag, is_compressed));
    response
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((VARY, ACCEPT_ENCODING.as_str()));
    if is_known {
        return response.finish();
    }
    response.content_type(media_type);
    if is_compressed {
        response.insert_header(ContentEncoding::Gzip).body(gzip(&content))
    } else {
        response.body(content)
    }
}

pub(crate) fn accepts_gzip(request: &HttpRequest) -> bool {
    let supported = [Encoding::gzip(), Encoding::identity()];
    AcceptEncoding::parse(request)
        .is_ok_and(|accepted| accepted.negotiate(supported.iter()) == Some(Encoding::gzip()))
}

/// A strong tag differs if the bytes differ (RFC 9110 §8.8.3.3).
pub(crate) fn encoded_tag(tag: String, is_compressed: bool) -> String {
    if is_compressed { tag + "-gzip" } else { tag }
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use actix_web::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
    use actix_web::test::TestRequest;
    use actix_web::web::Bytes;
    use actix_web::{HttpResponse, body};
    use flate2::read::GzDecoder;

    use super::respond;

    const SCRIPT: &str = "text/javascript; charset=utf-8";

    fn get(accept: Option<&str>, tag: &str, media_type: &str) -> HttpResponse {
        let mut request = TestRequest::default().insert_header((IF_NONE_MATCH, tag));
        if let Some(accept) = accept {
            request = request.insert_header((ACCEPT_ENCODING, accept));
        }
        respond(&request.to_http_request(), media_type, "default-src 'none'", Bytes::from("x".repeat(1000)))
    }

    fn header(response: &HttpResponse, name: &str) -> Option<String> {
        response.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
    }

    #[actix_web::test]
    async fn files_are_compressed_for_clients_that_accept_it() {
        for accept in ["gzip", "gzip, deflate, br, zstd", "br;q=1, gzip;q=0.5"] {
            let response = get(Some(accept), "\"other\"", SCRIPT);
            assert_eq!(header(&response, "content-encoding").as_deref(), Some("gzip"), "{accept}");
            assert_eq!(header(&response, "vary").as_deref(), Some("accept-encoding"));
            let sent = body::to_bytes(response.into_body()).await.expect("a body");
            let mut text = String::new();
            GzDecoder::new(&sent[..]).read_to_string(&mut text).expect("gzip");
            assert_eq!((text, sent.len() < 100), ("x".repeat(1000), true));
        }
        for accept in [None, Some("identity"), Some("br"), Some("gzip;q=0"), Some(";")] {
            let response = get(accept, "\"other\"", SCRIPT);
            assert_eq!(header(&response, "content-encoding"), None, "{accept:?}");
            assert_eq!(header(&response, "vary").as_deref(), Some("accept-encoding"));
            assert_eq!(body::to_bytes(response.into_body()).await.expect("a body").len(), 1000);
        }
        assert_eq!(header(&get(Some("gzip"), "\"other\"", "image/png"), "content-encoding"), None);
    }

    #[actix_web::test]
    async fn each_encoding_has_a_tag_of_its_own() {
        let tag = |accept| header(&get(accept, "\"other\"", SCRIPT), "etag").expect("a tag");
        let (plain, compressed) = (tag(None), tag(Some("gzip")));
        assert_ne!(plain, compressed);
        for (accept, tag, status) in [
            (None, &plain, 304),
            (None, &compressed, 200),
            (Some("gzip"), &compressed, 304),
            (Some("gzip"), &plain, 200),
        ] {
            let response = get(accept, tag, SCRIPT);
            assert_eq!(response.status().as_u16(), status, "{accept:?} {tag}");
            assert_eq!(header(&response, "vary").as_deref(), Some("accept-encoding"));
        }
    }
}
