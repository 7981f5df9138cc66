use std::borrow::Cow;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::RustEmbed;
use server_kit::docs::content_security_policy;
use server_kit::etag::response_with_etag;
use shared_claims::{Code, Problem};

/// The files of `web/pages/`. A debug build reads them from the disk at each request, so that a reload shows a change.
#[derive(RustEmbed)]
#[folder = "../web/pages"]
struct Files;

/// Responds with a script, style sheet or image. Templates and texts are parts of pages.
pub async fn get_file(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let media_type = media_type(&path).ok_or_else(not_found)?;
    let content = read(&path).ok_or_else(not_found)?;
    Ok(respond(&request, media_type, &content))
}

/// A response that caches must revalidate, or 304.
pub fn respond(request: &HttpRequest, media_type: &str, content: &[u8]) -> HttpResponse {
    let tag = URL_SAFE_NO_PAD.encode(&digest(&SHA256, content).as_ref()[..16]);
    let (mut response, is_known) = response_with_etag(request, &tag);
    response
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, content_security_policy(None)));
    if is_known { response.finish() } else { response.content_type(media_type).body(content.to_vec()) }
}

/// The content of a file of `web/pages/`.
pub fn read(path: &str) -> Option<Cow<'static, [u8]>> {
    Files::get(path).map(|file| file.data)
}

/// The paths of all files of `web/pages/`.
pub fn paths() -> impl Iterator<Item = Cow<'static, str>> {
    Files::iter()
}

fn media_type(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}
