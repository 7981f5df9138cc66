//! Name, logo and accent of the operator's service.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use server_kit::page_files;
use shared_claims::{Code, Problem};

use crate::http::pages::{Renderer, files};
use crate::model::{Colour, style_sheet};

/// Every sign-in page loads it.
const MAX_LOGO_BYTES: u64 = 100_000;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// An SVG that is opened by itself could otherwise run scripts on the origin of the server.
const LOGO_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'";

pub struct Brand {
    pub name: String,
    pub logo: Option<Logo>,
    /// If there is an accent.
    pub style_sheet: Option<String>,
}

pub struct Logo {
    media_type: &'static str,
    content: Bytes,
}

impl Brand {
    /// # Errors
    /// One line that names the setting and the file.
    pub fn new(name: String, logo: Option<&Path>, accent: Option<Colour>) -> Result<Self, String> {
        let read =
            |path: &Path| read(path).map_err(|error| format!("BRAND_LOGO_FILE: {}: {error}", path.display()));
        Ok(Self { name, logo: logo.map(read).transpose()?, style_sheet: accent.map(style_sheet) })
    }
}

fn read(path: &Path) -> Result<Logo, String> {
    let mut content = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_LOGO_BYTES + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > MAX_LOGO_BYTES {
        return Err("is larger than 100 kB".to_owned());
    }
    if content.starts_with(PNG) {
        return Ok(Logo { media_type: "image/png", content: content.into() });
    }
    let is_svg = std::str::from_utf8(&content).is_ok_and(|text| text.contains("<svg"));
    if is_svg {
        Ok(Logo { media_type: "image/svg+xml", content: content.into() })
    } else {
        Err("is neither SVG nor PNG".to_owned())
    }
}

/// Responds with the logo.
pub async fn get_logo(request: HttpRequest, renderer: web::Data<Renderer>) -> Result<HttpResponse, Problem> {
    let logo = renderer.options.brand.logo.as_ref().ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(page_files::respond(&request, logo.media_type, LOGO_POLICY, logo.content.clone()))
}

/// Responds with the colours.
pub async fn get_style_sheet(
    request: HttpRequest,
    renderer: web::Data<Renderer>,
) -> Result<HttpResponse, Problem> {
    let style_sheet =
        renderer.options.brand.style_sheet.as_ref().ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(files::respond(&request, "text/css; charset=utf-8", style_sheet.clone().into_bytes()))
}
