//! Settings of outgoing mail.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};
use server_kit::secret::read;
use server_kit::settings::heading::MAIL;
use server_kit::settings::is_remote_http;
use url::Url;

use crate::domain::mail::{
    Credentials, Languages, Mailer, MailerParts, Security, Smtp, SmtpParts, Templates, Transport,
};
use crate::domain::notices::Notices;
use crate::model::{EmailVerification, Locale, MailKind};
use crate::settings::{Settings, values};

const BEGIN_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How mails are sent, and what they say.
#[derive(Args, Debug)]
pub struct MailSettings {
    /// How mails are sent
    ///
    /// Without mail, users cannot reset a forgotten password by themselves.
    #[arg(long, env, default_value = "off", help_heading = MAIL)]
    pub mail_transport: MailTransport,

    /// Whether users must prove their e-mail address [default: optional, or off without mail]
    ///
    /// With `required`, a registration creates no user until its mail is confirmed, and a user with an unproved address
    /// gets a code at the next login. Set it to `required` only once mails arrive.
    #[arg(long, env, hide_short_help = true, help_heading = MAIL)]
    pub email_verification: Option<EmailVerification>,

    /// Sender of all mails, such as `Example <no-reply@example.org>`
    ///
    /// Required with mail. The name appears in the texts as the name of your service.
    #[arg(long, env, value_parser = mailbox, hide_short_help = true, help_heading = MAIL)]
    pub mail_from: Option<Mailbox>,

    /// Address that receives replies to mails
    #[arg(long, env, value_parser = mailbox, hide_short_help = true, help_heading = MAIL)]
    pub mail_reply_to: Option<Mailbox>,

    /// Folder for `MAIL_TRANSPORT=file`
    ///
    /// Each mail is an `.eml` file that only the owner can read. The files contain valid links, and are not deleted.
    #[arg(long, env, default_value = "data/mail", hide_short_help = true, help_heading = MAIL)]
    pub mail_dir: PathBuf,

    /// Language of mails to users who have not chosen one and whose browser requests none that exists
    #[arg(long, env, default_value = "en", value_parser = locale, hide_short_help = true, help_heading = MAIL)]
    pub mail_locale: Locale,

    /// Which security events users are told about by mail: `all`, `none` or a list of kinds
    ///
    /// Such as `new_device,password_changed`. docs/mail.md lists the kinds.
    #[arg(long, env, default_value = "all", value_parser = notice_kinds, hide_short_help = true, help_heading = MAIL)]
    pub mail_notices: NoticeKinds,

    /// Start of all links in mails [default: the built-in pages of `ISSUER`]
    ///
    /// Such as `https://app.example.org/account`. The name of the page and the token follow: `/reset#TOKEN`.
    #[arg(long, env, value_parser = values::page_url, hide_short_help = true, help_heading = MAIL)]
    pub mail_links: Option<Url>,

    /// Folder with templates of your own
    ///
    /// Files such as `en/reset.html` replace built-in templates one by one.
    #[arg(long, env, hide_short_help = true, help_heading = MAIL)]
    pub mail_templates: Option<PathBuf>,

    /// Number of mails that may wait
    ///
    /// Beyond it, mails that requests ask for are dropped.
    #[arg(long, env, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    #[arg(hide_short_help = true, help_heading = MAIL)]
    pub mail_queue_limit: u32,

    /// Mail server
    ///
    /// Required with `MAIL_TRANSPORT=smtp`. Its certificate must have this name.
    #[arg(long, env, hide_short_help = true, help_heading = MAIL)]
    pub smtp_host: Option<String>,

    /// Port of the mail server [default: 587, or 465 with `SMTP_TLS=tls`, or 25 with `none`]
    #[arg(long, env, value_parser = clap::value_parser!(u16).range(1..), hide_short_help = true, help_heading = MAIL)]
    pub smtp_port: Option<u16>,

    /// Encryption of the connection to the mail server
    ///
    /// Mails contain links that open accounts, so there is no fallback to an unencrypted connection.
    #[arg(long, env, default_value = "starttls", hide_short_help = true, help_heading = MAIL)]
    pub smtp_tls: SmtpTls,

    /// User name at the mail server
    ///
    /// Never shown, because it is the secret itself at some providers.
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = MAIL)]
    smtp_user: Option<SecretString>,

    /// Password at the mail server
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = MAIL)]
    smtp_password: Option<SecretString>,
    /// File that contains the password
    #[arg(long, env, conflicts_with = "smtp_password", hide_short_help = true, help_heading = MAIL)]
    smtp_password_file: Option<PathBuf>,

    /// File with the certificates that the mail server's is checked against, in PEM [default: those of the system]
    #[arg(long, env, hide_short_help = true, help_heading = MAIL)]
    pub smtp_ca_file: Option<PathBuf>,

    /// Shows the files of `MAIL_DIR` at `/demo/mail`. Neither a flag nor a variable: only a program that hosts the server for
    /// development can set it.
    #[arg(skip)]
    pub mailbox_page: bool,

    /// Another limit than 30 seconds for one delivery. Neither a flag nor a variable: for tests with a server that never
    /// responds.
    #[arg(skip)]
    pub smtp_time_limit: Option<Duration>,
}

/// Kinds of notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeKinds(Vec<MailKind>);

/// Where mails go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MailTransport {
    /// No mails
    Off,
    /// To a mail server
    Smtp,
    /// Into files, for development
    File,
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SmtpTls {
    /// `STARTTLS` before login and mail
    Starttls,
    /// TLS from the start
    Tls,
    /// Not at all; only for a mail server on this machine
    None,
}

impl Settings {
    /// The setting, or its default.
    pub(crate) fn email_verification(&self) -> Result<EmailVerification, String> {
        let has_mail = self.mail.is_on();
        match self.mail.email_verification {
            Some(EmailVerification::Optional | EmailVerification::Required) if !has_mail => {
                Err("EMAIL_VERIFICATION requires mail: set MAIL_TRANSPORT, or remove it".to_owned())
            }
            Some(chosen) => Ok(chosen),
            None if has_mail => Ok(EmailVerification::Optional),
            None => Ok(EmailVerification::Off),
        }
    }

    /// The languages of mails: those of the mailer's templates, or the built-in ones.
    pub(crate) fn languages(&self, mailer: Option<&Mailer>) -> Languages {
        let built_in = || Languages::new(Templates::built_in_locales(), self.mail.mail_locale.clone());
        mailer.map_or_else(built_in, |mailer| mailer.languages().clone())
    }

    /// The notices that users get, or `None` if `MAIL_TRANSPORT` is off.
    pub(crate) fn notices(&self, languages: Languages) -> Option<Arc<Notices>> {
        self.mail.is_on().then(|| Arc::new(Notices::new(self.mail.mail_notices.0.clone(), languages)))
    }

    /// What sends mails, or `None` if `MAIL_TRANSPORT` is off. Reads and renders all templates.
    pub(crate) fn mailer(&self) -> Result<Option<Mailer>, String> {
        let mail = &self.mail;
        let transport = match mail.mail_transport {
            MailTransport::Off => return Ok(None),
            MailTransport::Smtp => Transport::Smtp(mail.smtp(&self.issuer)?),
            MailTransport::File => Transport::folder(&mail.mail_dir).map_err(|error| {
                format!("MAIL_DIR: cannot use {}: {}", mail.mail_dir.display(), error.kind())
            })?,
        };
        let from = mail.mail_from.clone();
        let from = from.ok_or(
            "MAIL_FROM is not set: give the sender of mails, such as Example <no-reply@example.org>",
        )?;
        let issuer = self.issuer();
        let links = match &mail.mail_links {
            None => None,
            Some(url) if url.query().is_some() || url.fragment().is_some() => {
                return Err("MAIL_LINKS must have neither a query nor a fragment".to_owned());
            }
            Some(url) if self.cookie_secure && is_remote_http(url) => {
                return Err(
                    "MAIL_LINKS is a plain http:// URL, and its links open accounts: use https://".to_owned()
                );
            }
            Some(url) => Some(url.as_str().trim_end_matches('/').to_owned()),
        };
        let parts = MailerParts {
            transport,
            templates: Templates::load(mail.mail_templates.as_deref())?,
            from,
            reply_to: mail.mail_reply_to.clone(),
            issuer,
            links,
            locale: mail.mail_locale.clone(),
            queue_limit: mail.mail_queue_limit,
        };
        Mailer::new(parts).map(Some)
    }
}

impl MailSettings {
    pub(crate) fn is_on(&self) -> bool {
        self.mail_transport != MailTransport::Off
    }

    fn smtp(&self, issuer: &Url) -> Result<Smtp, String> {
        let host = self.smtp_host.as_deref().ok_or("SMTP_HOST is not set, and MAIL_TRANSPORT is smtp")?;
        let security = match self.smtp_tls {
            SmtpTls::Starttls => Security::StartTls,
            SmtpTls::Tls => Security::Tls,
            SmtpTls::None if is_this_machine(host) => Security::None,
            SmtpTls::None => {
                return Err(
                    "SMTP_TLS=none is only for a mail server on this machine: use starttls or tls".to_owned()
                );
            }
        };
        let password =
            read("SMTP_PASSWORD", self.smtp_password.as_ref(), self.smtp_password_file.as_deref())?;
        let credentials = match (self.smtp_user.as_ref(), password) {
            (Some(user), Some(password)) => {
                Some(Credentials { user: user.expose_secret().to_owned(), password })
            }
            (None, None) => None,
            (Some(_), None) => return Err("SMTP_USER is set without SMTP_PASSWORD".to_owned()),
            (None, Some(_)) => return Err("SMTP_PASSWORD is set without SMTP_USER".to_owned()),
        };
        let default_port = match self.smtp_tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        };
        Smtp::new(SmtpParts {
            host: host.to_owned(),
            port: self.smtp_port.unwrap_or(default_port),
            security,
            credentials,
            authorities: self.smtp_ca_file.as_deref().map(certificates).transpose()?,
            client: issuer.host_str().unwrap_or("localhost").to_owned(),
            time_limit: self.smtp_time_limit,
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<u8>, String> {
    let pem =
        fs::read(path).map_err(|error| format!("SMTP_CA_FILE: cannot read {}: {error}", path.display()))?;
    if pem.windows(BEGIN_CERTIFICATE.len()).any(|window| window == BEGIN_CERTIFICATE) {
        Ok(pem)
    } else {
        Err(format!("SMTP_CA_FILE: {} has no certificate in PEM", path.display()))
    }
}

fn is_this_machine(host: &str) -> bool {
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    host == "localhost" || host.parse().is_ok_and(is_loopback)
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| "give an address, such as Example <no-reply@example.org>".to_owned())
}

fn locale(text: &str) -> Result<Locale, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn notice_kinds(text: &str) -> Result<NoticeKinds, String> {
    let all = || MailKind::ALL.into_iter().filter(|kind| kind.is_notice());
    match text.trim() {
        "all" => return Ok(NoticeKinds(all().collect())),
        "none" => return Ok(NoticeKinds(Vec::new())),
        _ => {}
    }
    let find = |name: &str| {
        all().find(|kind| kind.as_str() == name.trim()).ok_or_else(|| {
            let names = all().map(MailKind::as_str).collect::<Vec<_>>().join(", ");
            format!("`{}` is not a notice: give all, none, or a list of {names}", name.trim())
        })
    };
    text.split(',').map(find).collect::<Result<_, _>>().map(NoticeKinds)
}
