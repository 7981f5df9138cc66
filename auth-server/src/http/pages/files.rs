use std::borrow::Cow;

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;
use server_kit::docs::content_security_policy;
use server_kit::page_files;
use shared_claims::{Code, Problem};

/// The files of `web/pages/`. A debug build reads them from the disk at each request, so that a reload shows a change.
#[derive(RustEmbed)]
#[folder = "../web/pages"]
struct Files;

/// The style sheets of the console, in their order. They are sent as one, because browsers open only six connections.
const CONSOLE_STYLES: [&str; 6] = ["frame", "controls", "list", "panel", "views", "narrow"];

/// Responds with a script, style sheet or image. Templates and texts are parts of pages.
pub async fn get_file(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let media_type = media_type(&path).ok_or_else(not_found)?;
    let content = if *path == "console.css" { Some(console_styles()) } else { read(&path) };
    let content = content.ok_or_else(not_found)?;
    Ok(respond(&request, media_type, content))
}

/// With the policy of the pages.
pub fn respond(
    request: &HttpRequest,
    media_type: &str,
    content: impl Into<Cow<'static, [u8]>>,
) -> HttpResponse {
    let content = match content.into() {
        Cow::Borrowed(content) => Bytes::from_static(content),
        Cow::Owned(content) => Bytes::from(content),
    };
    page_files::respond(request, media_type, &content_security_policy(None), content)
}

fn console_styles() -> Cow<'static, [u8]> {
    let parts = CONSOLE_STYLES.iter().filter_map(|name| read(&format!("console/{name}.css")));
    Cow::Owned(parts.flat_map(Cow::into_owned).collect())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CONSOLE_STYLES, paths};

    #[test]
    fn the_console_has_all_of_its_style_sheets() {
        let is_style = |path: &str| Some(path.strip_prefix("console/")?.strip_suffix(".css")?.to_owned());
        let existing: BTreeSet<_> = paths().filter_map(|path| is_style(&path)).collect();
        assert_eq!(existing, CONSOLE_STYLES.map(str::to_owned).into());
    }
}
