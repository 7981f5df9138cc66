//! The pages for people: the files of `web/pages/`, rendered in the language of the browser.

mod brand;
mod files;
mod rendering;
mod return_target;
mod texts;

use std::path::PathBuf;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use server_kit::framework_errors::{get_or_head, resource};
use server_kit::settings::Origins;
use url::Url;

use crate::model::{Delivery, Locale};
pub use brand::Brand;
pub use rendering::Renderer;

/// A page, and its template in `web/pages/`.
pub struct Page {
    /// Paths in the template are relative to this one.
    path: &'static str,
    template: &'static str,
    /// The part of the texts that the page has beside `common`.
    section: &'static str,
    exists: Condition,
}

/// When a page exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// With `PAGES=on`.
    PagesOn,
    /// With `PAGES=on`, and if mails lead there.
    PagesOnOrMailed,
    /// If mails lead there.
    Mailed,
    /// If there are invitations.
    Invitations,
}

const PAGES: [Page; 10] = [
    sign_in("/login", "login.html", Condition::PagesOn),
    sign_in("/register", "register.html", Condition::PagesOnOrMailed),
    sign_in("/forgot", "forgot.html", Condition::Mailed),
    sign_in("/reset", "reset.html", Condition::Mailed),
    sign_in("/verify", "verify.html", Condition::Mailed),
    sign_in("/change", "change.html", Condition::Mailed),
    sign_in("/invitation", "invitation.html", Condition::Invitations),
    Page { path: "/account", template: "account.html", section: "account", exists: Condition::PagesOn },
    Page { path: "/setup", template: "setup.html", section: "setup", exists: Condition::PagesOn },
    Page { path: "/admin/", template: "console.html", section: "console", exists: Condition::PagesOn },
];

/// Earlier paths, in mails that are older than the pages, and where they lead. Browsers keep the token, which is in the
/// fragment.
const REDIRECTS: [(&str, &str, Condition); 7] = [
    ("/admin", "admin/", Condition::PagesOn),
    ("/account/register", "../register", Condition::Mailed),
    ("/account/forgot", "../forgot", Condition::Mailed),
    ("/account/reset", "../reset", Condition::Mailed),
    ("/account/verify", "../verify", Condition::Mailed),
    ("/account/change", "../change", Condition::Mailed),
    ("/account/invite", "../invitation", Condition::Invitations),
];

/// Which links the server makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// There is no secret that they can be derived from.
    None,
    /// Administrators deliver them.
    Invitations,
    /// The server sends them.
    Mailed,
}

/// From the settings.
#[expect(clippy::struct_excessive_bools, reason = "one for each setting")]
pub struct PageOptions {
    /// `PAGES`.
    pub enabled: bool,
    /// `PAGES_TOKEN_DELIVERY`: of sessions that start here.
    pub delivery: Delivery,
    /// `PAGE_TEXTS`: a folder with further languages.
    pub texts: Option<PathBuf>,
    /// The language of browsers that request none that exists.
    pub locale: Locale,
    pub brand: Brand,
    pub issuer: Url,
    /// Pages to which users may return after signing in, beside those of the issuer.
    pub allowed_origins: Origins,
    pub registration_open: bool,
    /// Whether users can sign in with passkeys.
    pub has_passkeys: bool,
    pub links: Links,
    /// Languages of mails.
    pub mail_languages: Vec<String>,
    /// Whether mails lead to the pages of this server: `MAIL_LINKS` is not set.
    pub are_linked: bool,
}

pub fn routes(config: &mut web::ServiceConfig, renderer: &web::Data<Renderer>) {
    config.app_data(renderer.clone());
    for page in PAGES.iter().filter(|page| page.exists.applies(&renderer.options)) {
        let respond = move |request: HttpRequest, renderer: web::Data<Renderer>| {
            let response = renderer.respond(page, &request);
            async { response }
        };
        config.service(resource(page.path, "GET, HEAD").route(get_or_head().to(respond)));
    }
    config
        .service(resource("/pages/brand.css", "GET, HEAD").route(get_or_head().to(brand::get_style_sheet)))
        .service(resource("/pages/brand/logo", "GET, HEAD").route(get_or_head().to(brand::get_logo)));
    config.service(resource("/pages/{file:.*}", "GET, HEAD").route(get_or_head().to(files::get_file)));
    for (path, target, _) in REDIRECTS.iter().filter(|(_, _, exists)| exists.applies(&renderer.options)) {
        let redirect = move || async move {
            HttpResponse::TemporaryRedirect().insert_header((LOCATION, *target)).finish()
        };
        config.service(resource(path, "GET, HEAD").route(get_or_head().to(redirect)));
    }
}

const fn sign_in(path: &'static str, template: &'static str, exists: Condition) -> Page {
    Page { path, template, section: "sign_in", exists }
}

impl Condition {
    fn applies(self, options: &PageOptions) -> bool {
        match self {
            Self::PagesOn => options.enabled,
            Self::PagesOnOrMailed => options.enabled || Self::Mailed.applies(options),
            Self::Mailed => options.links == Links::Mailed && (options.enabled || options.are_linked),
            Self::Invitations => options.links != Links::None,
        }
    }
}
