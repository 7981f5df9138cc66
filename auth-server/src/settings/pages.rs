//! Settings of the pages for people.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use server_kit::settings::heading::PAGES;
use server_kit::settings::web_origin;
use url::Url;

use crate::model::{Colour, accent};
use crate::settings::values;

/// Which pages there are, and how they look.
#[derive(Args, Debug)]
pub struct PageSettings {
    /// Pages for people
    ///
    /// Sign-in, account and console. With `off` only the pages that mailed links lead to remain.
    #[arg(long, env, default_value = "on", hide_short_help = true, help_heading = PAGES)]
    pub pages: Switch,

    /// How sessions that start on pages receive their tokens
    ///
    /// Use `both_cookies` if a proxy protects sites with `/verify`. Applications with `auth.js` require `refresh_cookie`.
    #[arg(long, env, default_value = "refresh_cookie", hide_short_help = true, help_heading = PAGES)]
    pub pages_token_delivery: PageDelivery,

    /// Folder with texts of pages in further languages
    ///
    /// Files such as `fr.json`. Texts that a file does not have are English. A file `en.json` or `de.json` replaces texts.
    #[arg(long, env, hide_short_help = true, help_heading = PAGES)]
    pub page_texts: Option<PathBuf>,

    /// Name of the service on pages
    #[arg(long, env, default_value = "Latchkey", value_parser = brand_name, hide_short_help = true, help_heading = PAGES)]
    pub brand_name: String,

    /// File with the logo on pages: SVG or PNG, at most 100 kB
    #[arg(long, env, hide_short_help = true, help_heading = PAGES)]
    pub brand_logo_file: Option<PathBuf>,

    /// Colour of buttons and links on pages, such as `#0b6e5b`
    ///
    /// As text it needs a contrast of 4.5 to a light page. The colours of dark pages are computed from it.
    #[arg(long, env, value_parser = accent, hide_short_help = true, help_heading = PAGES)]
    pub brand_accent: Option<Colour>,

    /// Serve a demo page at `/`, which calls the resource server at this origin
    #[arg(long, env, value_parser = web_origin, hide_short_help = true, help_heading = PAGES)]
    pub demo_api_url: Option<String>,

    /// Serve a page at `/` with name, version and links
    #[arg(long, env, default_value_t = true, action = ArgAction::Set, hide_short_help = true, help_heading = PAGES)]
    pub home_page: bool,

    /// Who to contact about vulnerabilities: serves `/.well-known/security.txt`
    ///
    /// Such as `mailto:security@example.org` or the `https` URL of a form.
    #[arg(long, env, value_parser = values::contact, hide_short_help = true, help_heading = PAGES)]
    pub security_contact: Option<String>,

    /// The page where users change their password: `/.well-known/change-password` leads there
    #[arg(long, env, value_parser = values::page_url, hide_short_help = true, help_heading = PAGES)]
    pub change_password_url: Option<Url>,
}

/// Token delivery of pages: one with cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum PageDelivery {
    /// The refresh token in a cookie; pages keep the access token in memory
    RefreshCookie,
    /// Both tokens in cookies
    BothCookies,
}

/// Whether something is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Enabled
    On,
    /// Disabled
    Off,
}

fn brand_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let is_valid = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if is_valid { Ok(name.to_owned()) } else { Err("give a name of 1 to 64 characters".to_owned()) }
}
