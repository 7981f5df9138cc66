use std::borrow::Cow;

use actix_web::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};
use shared_claims::{Code, Problem};
use url::form_urlencoded;

use crate::http::Cookies;
use crate::http::pages::return_target::{ReturnTarget, label};
use crate::http::pages::texts::{Texts, direction};
use crate::http::pages::{Links, PAGES, Page, PageOptions, files};
use crate::model::Delivery;

const SEC_FETCH_SITE: &str = "sec-fetch-site";
/// Renders the pages.
pub struct Renderer {
    pub options: PageOptions,
    sources: Sources,
}

/// What the browser requests.
#[derive(Clone, Copy, Default)]
struct Visit<'a> {
    query: &'a str,
    accept_language: Option<&'a str>,
    /// Otherwise the page does not look for a session, which would be an error in the console of the browser.
    may_have_session: bool,
}

/// Templates, texts, and the paths of the scripts.
struct Sources {
    environment: Environment<'static>,
    texts: Texts,
    modules: Vec<Cow<'static, str>>,
}

impl Renderer {
    /// # Errors
    /// One line that names the file of a text or a template.
    pub fn new(options: PageOptions) -> Result<Self, String> {
        let renderer = Self { sources: Sources::load(&options)?, options };
        for page in &PAGES {
            renderer.render_from(&renderer.sources, page, Visit::default())?;
        }
        Ok(renderer)
    }

    pub fn respond(&self, page: &Page, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let visit = Visit {
            query: request.query_string(),
            accept_language: header(ACCEPT_LANGUAGE.as_str()),
            may_have_session: may_have_session(request, header(SEC_FETCH_SITE)),
        };
        let html = self.render(page, visit).map_err(|error| {
            log::error!("cannot render {}: {error}", page.path);
            Problem::new(Code::InternalError)
        })?;
        let mut response = files::respond(request, "text/html; charset=utf-8", html.into_bytes());
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding, accept-language"));
        // The page depends on the cookie, so caches that users share must not store it.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        Ok(response)
    }

    /// A debug build reads templates and texts again, so that a reload of the page shows a change.
    fn render(&self, page: &Page, visit: Visit<'_>) -> Result<String, String> {
        let fresh = if cfg!(debug_assertions) { Some(Sources::load(&self.options)?) } else { None };
        self.render_from(fresh.as_ref().unwrap_or(&self.sources), page, visit)
    }

    fn render_from(&self, sources: &Sources, page: &Page, visit: Visit<'_>) -> Result<String, String> {
        let Sources { environment, texts, modules } = sources;
        let parameter = |name: &str| -> Option<Cow<'_, str>> {
            form_urlencoded::parse(visit.query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let requested = parameter("lang");
        let shown = texts
            .choose(page.section, requested.as_deref(), visit.accept_language)
            .ok_or_else(|| format!("there are no texts for {}", page.section))?;
        let options = &self.options;
        let target = ReturnTarget::parse(visit.query, &options.issuer, &options.allowed_origins);
        let next = target.url().map_or(if options.enabled { "account" } else { "" }, url::Url::as_str);
        let languages = texts.names().map(|(language, name)| {
            let href = query_of(Some(language), &target);
            context! { language => language, name => name, href => href }
        });
        let values = context! {
            // The relative path from the page to the root of the server, which may have a path.
            root => "../".repeat(page.path.matches('/').count() - 1),
            lang => &shown.language,
            dir => direction(&shown.language),
            languages => languages.collect::<Vec<_>>(),
            t => &shown.values,
            texts => &shown.json,
            brand => context! {
                name => &options.brand.name,
                has_logo => options.brand.logo.is_some(),
                has_colours => options.brand.style_sheet.is_some(),
            },
            host => options.issuer.host_str(),
            pages_on => options.enabled,
            registration_open => options.registration_open,
            has_passkeys => options.has_passkeys,
            has_mail => options.links == Links::Mailed,
            next => next,
            return_label => target.url().map(label),
            return_rejected => target == ReturnTarget::Rejected,
            both_cookies => options.delivery == Delivery::BothCookies,
            may_have_session => visit.may_have_session,
            query => query_of(requested.as_deref(), &target),
            mail_languages => &options.mail_languages,
            modules => modules,
        };
        environment.get_template(page.template).and_then(|template| template.render(values)).map_err(
            |error| {
                let place = error.name().unwrap_or(page.template);
                format!("{place}, line {}: {error:#}", error.line().unwrap_or(1))
            },
        )
    }
}

/// A browser sends no `SameSite=Strict` cookie when it follows a link of another site.
fn may_have_session(request: &HttpRequest, site: Option<&str>) -> bool {
    let is_sure = matches!(site, Some("same-origin" | "same-site" | "none"));
    let has_cookie = request.app_data::<Cookies>().is_some_and(|cookies| cookies.has_refresh_token(request));
    has_cookie || !is_sure
}

/// A query that starts with `?`, or nothing.
fn query_of(language: Option<&str>, target: &ReturnTarget) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(language.map(|language| ("lang", language)));
    if let Some(url) = target.url() {
        query.append_pair("return_to", url.as_str());
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

impl Sources {
    fn load(options: &PageOptions) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| error.to_string())?);
        // A debug build searches the folder at each call of `paths`.
        let (templates, other): (Vec<_>, Vec<_>) = files::paths().partition(|path| path.ends_with(".html"));
        for path in templates {
            let source = files::read(&path).unwrap_or_default();
            let source = String::from_utf8_lossy(&source).into_owned();
            environment
                .add_template_owned(path.clone().into_owned(), source)
                .map_err(|error| format!("{path}, line {}: {error:#}", error.line().unwrap_or(1)))?;
        }
        let texts = Texts::load(options.texts.as_deref(), &options.locale)?;
        let modules = other.into_iter().filter(|path| path.ends_with(".js")).collect();
        Ok(Self { environment, texts, modules })
    }
}

#[cfg(test)]
mod tests {
    use server_kit::settings::origins;

    use crate::http::pages::rendering::Visit;
    use crate::http::pages::{Brand, Links, PAGES, PageOptions, Renderer};
    use crate::model::Delivery;

    fn renderer() -> Renderer {
        let options = PageOptions {
            enabled: true,
            delivery: Delivery::RefreshCookie,
            texts: None,
            locale: "en".parse().unwrap(),
            brand: Brand::new("Example <Ltd>".to_owned(), None, None).unwrap(),
            issuer: "https://example.org/auth".parse().unwrap(),
            allowed_origins: origins("https://app.example.org").unwrap(),
            registration_open: true,
            has_passkeys: true,
            links: Links::Mailed,
            mail_languages: vec!["de".to_owned(), "en".to_owned()],
            are_linked: true,
        };
        Renderer::new(options).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_page_is_complete_html_in_every_language() {
        let renderer = renderer();
        for page in &PAGES {
            for language in ["en", "de"] {
                let query = format!("lang={language}");
                let visit = Visit { query: &query, accept_language: Some("fr"), ..Visit::default() };
                let html = renderer.render(page, visit).unwrap();
                // The console is in English.
                let is_translated = page.section == "sign_in";
                let start = format!("<html lang=\"{language}\" dir=\"ltr\">");
                assert!(
                    !is_translated || html.contains(&start) && html.contains("Example &lt;Ltd&gt;"),
                    "{html}"
                );
                assert!(html.trim_end().ends_with("</html>"), "{html}");
                assert!(!html.contains(" style=") && !html.contains("<style"), "{html}");
                assert_eq!(html.matches("<script").count(), html.matches("<script type=").count(), "{html}");
            }
        }
    }

    #[test]
    fn links_to_other_pages_keep_the_way_back() {
        let query = "lang=de&token_delivery=both_cookies&return_path=/app?a=1&b=<";
        let html = renderer().render(&PAGES[0], Visit { query, ..Visit::default() }).unwrap();
        let kept = "?lang=de&amp;return_to=https%3A%2F%2Fexample.org%2Fapp%3Fa%3D1%26b%3D%253C";
        assert!(html.contains(&format!("href=\"forgot{kept}\"")), "{html}");
        assert!(
            html.contains("data-next=\"https:&#x2f;&#x2f;example.org&#x2f;app?a=1&amp;b=%3C\""),
            "{html}"
        );
        // The server decides about the delivery, not the link.
        assert!(!html.contains("data-token-delivery"), "{html}");
        let query = "return_to=//evil.example";
        let html = renderer().render(&PAGES[0], Visit { query, ..Visit::default() }).unwrap();
        assert!(html.contains("data-next=\"account\"") && !html.contains("evil"), "{html}");
    }
}
