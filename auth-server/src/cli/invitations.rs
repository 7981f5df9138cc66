//! `auth-server users invite`

use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::cli::mail::locale;
use crate::cli::output::{Report, Text};
use crate::cli::screen::Cell;
use crate::cli::users::{all, operation, parse_claims};
use crate::domain::users::invitations::{self, Offer};
use crate::model::{CustomClaims, DisplayName, Email, Locale, Role};
use crate::settings::Settings;
use crate::store::Database;

/// Whom to invite.
#[derive(Args, Clone)]
pub struct Invite {
    /// E-mail address
    #[arg(value_parser = Email::parse)]
    email: Email,
    /// Display name, unless the person chooses another one
    #[arg(long, value_parser = DisplayName::parse)]
    name: Option<DisplayName>,
    /// Role of the user; can be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = Role::parse)]
    roles: Vec<Role>,
    /// Custom claims for access tokens: a JSON object of at most 1 KiB
    #[arg(long, value_parser = parse_claims)]
    claims: Option<CustomClaims>,
    /// Language of mails to the person, such as `de` [default: `MAIL_LOCALE`]
    #[arg(long, value_parser = locale)]
    locale: Option<Locale>,
}

pub async fn invite(settings: &Settings, database: &Database, arguments: Invite) -> Result<Report, String> {
    let Invite { email, name, roles, claims, locale } = arguments;
    let offer = Offer { email, name, roles: all(&roles)?, claims: claims.unwrap_or_default(), locale };
    let tokens = settings.proof_tokens()?;
    let mail = settings.mail.is_on().then(|| settings.mail.mail_locale.clone());
    let invited = invitations::invite(&operation(settings, database), &tokens, offer, mail).await;
    let (invitation, token) = invited.map_err(|error| error.to_string())?;
    let (id, email) = (invitation.id.to_string(), invitation.email.as_str());
    let mut json = json!({"id": id, "email": email, "expires_at": invitation.expires_at});
    let mut rows = vec![("e-mail", Cell::text(email)), ("expires", Cell::time(invitation.expires_at))];
    if let Some(token) = token {
        let link = invitations::link(&settings.issuer(), &token);
        json["link"] = json!(link.expose_secret());
        rows.push(("link", Cell::text(link.expose_secret()).good()));
    } else {
        rows.push(("mail", Cell::text("queued: a running server sends the link")));
    }
    Ok(Report { text: Text::Details { title: Some("invited".to_owned()), rows }, json, columns: &[] })
}
