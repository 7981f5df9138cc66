use chrono::{DateTime, Utc};
use lettre::message::Mailbox;

use crate::domain::mail::message::Envelope;
use crate::domain::mail::{Languages, Message, Queue, Rendered, Templates, Transport, Values, sample};
use crate::model::{Email, Locale, MailId, MailKind};
use crate::store::mails::StoredMail;

/// The parts of mails, and the transport.
pub struct Mailer {
    pub transport: Transport,
    pub queue: Queue,
    templates: Templates,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    issuer: String,
    links: Option<String>,
    languages: Languages,
}

/// From the settings.
pub struct MailerParts {
    pub transport: Transport,
    pub templates: Templates,
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
    pub issuer: String,
    /// Start of all links, without a slash at the end. `None` for the built-in pages.
    pub links: Option<String>,
    /// The default language.
    pub locale: Locale,
    pub queue_limit: u32,
}

impl Mailer {
    /// Renders every template with sample values.
    ///
    /// # Errors
    /// One line that names the setting, and a template with its line.
    pub fn new(parts: MailerParts) -> Result<Self, String> {
        let MailerParts { transport, templates, from, reply_to, issuer, links, locale, queue_limit } = parts;
        let queue = Queue::new(queue_limit);
        let languages = Languages::new(templates.locales(), locale);
        if !languages.includes(languages.default_locale()) {
            let (default, known) = (languages.default_locale(), languages.list());
            return Err(format!("MAIL_LOCALE={default}: there are only templates for {known}"));
        }
        let mailer = Self { transport, queue, templates, from, reply_to, issuer, links, languages };
        for locale in mailer.templates.locales() {
            for kind in MailKind::ALL.into_iter().filter(|kind| mailer.templates.has(locale, *kind)) {
                let locale = Locale::from_stored(locale.to_owned());
                let to = Email::from_stored("ann@example.org".to_owned());
                mailer.sample(kind, Some(&locale), &to, DateTime::UNIX_EPOCH)?;
            }
        }
        Ok(mailer)
    }

    pub fn languages(&self) -> &Languages {
        &self.languages
    }

    /// Name and address of the sender.
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// The URL of a page that mails link to. A token follows after `#`.
    pub fn page(&self, name: &str) -> String {
        match &self.links {
            Some(links) => format!("{links}/{name}"),
            None => format!("{}/{}", self.issuer, if name == "invite" { "invitation" } else { name }),
        }
    }

    /// The name of the service in mails: that of `MAIL_FROM`, or the host of the issuer.
    pub fn service(&self) -> &str {
        let host = self.issuer.split_once("://").map_or(self.issuer.as_str(), |(_, host)| host);
        self.from.name.as_deref().unwrap_or(host)
    }

    /// The mail with these values, beside those that all mails have.
    ///
    /// # Errors
    /// One line: a template failed, or an address cannot be part of a mail.
    pub fn message(&self, mail: &StoredMail, values: Values) -> Result<Message, String> {
        let kind = mail.kind;
        let locale = self.templates.locale(kind, &mail.locale, self.languages.default_locale());
        self.compose(mail.id, kind, locale, &mail.recipient, mail.created_at, values)
    }

    /// A mail with sample values.
    ///
    /// # Errors
    /// As for [`Self::message`].
    pub fn sample(
        &self,
        kind: MailKind,
        locale: Option<&Locale>,
        to: &Email,
        now: DateTime<Utc>,
    ) -> Result<Message, String> {
        let default = self.languages.default_locale();
        let locale = self.templates.locale(kind, locale.unwrap_or(default), default);
        self.compose(MailId::random(), kind, locale, to, now, sample(kind))
    }

    /// A mail that only shows that mails arrive.
    ///
    /// # Errors
    /// One line: an address cannot be part of a mail.
    pub fn test(&self, to: &Email, now: DateTime<Utc>) -> Result<Message, String> {
        let text = format!("This is a test mail of the auth server at {}.", self.issuer);
        let texts = Rendered {
            subject: format!("Test mail of {}", self.service()),
            html: format!("<!doctype html>\n<p>{text}</p>\n"),
            text: format!("{text}\n"),
        };
        self.envelope(MailId::random(), "test", to, now, texts)
    }

    fn compose(
        &self,
        id: MailId,
        kind: MailKind,
        locale: &str,
        to: &Email,
        created_at: DateTime<Utc>,
        mut values: Values,
    ) -> Result<Message, String> {
        for (name, value) in [
            ("service", self.service()),
            ("issuer", &self.issuer),
            ("email", to.as_str()),
            ("forgot_url", &self.page("forgot")),
        ] {
            values.insert(name.to_owned(), value.into());
        }
        let texts = self.templates.render(locale, kind, &values);
        let texts = texts.map_err(|error| self.templates.describe(&error))?;
        self.envelope(id, kind.as_str(), to, created_at, texts)
    }

    fn envelope(
        &self,
        id: MailId,
        kind: &'static str,
        to: &Email,
        created_at: DateTime<Utc>,
        texts: Rendered,
    ) -> Result<Message, String> {
        let (from, reply_to) = (&self.from, self.reply_to.as_ref());
        Message::new(&Envelope { id, kind, from, reply_to, to, created_at }, texts)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use crate::domain::mail::{Mailer, MailerParts, Templates, Transport};

    fn mailer(folder: &TempDir, from: &str, links: Option<&str>) -> Mailer {
        let parts = MailerParts {
            transport: Transport::folder(folder.path()).expect("a folder"),
            templates: Templates::load(None).expect("the built-in templates"),
            from: from.parse().expect("an address"),
            reply_to: None,
            issuer: "https://auth.example.org".to_owned(),
            links: links.map(str::to_owned),
            locale: "en".parse().expect("a language"),
            queue_limit: 1,
        };
        Mailer::new(parts).expect("a mailer")
    }

    #[test]
    fn the_service_has_the_name_of_the_sender_or_the_host_of_the_issuer() {
        let folder = TempDir::new().expect("a folder");
        for (from, service) in [("Example <a@example.org>", "Example"), ("a@example.org", "auth.example.org")]
        {
            assert_eq!(mailer(&folder, from, None).service(), service);
        }
        let own = mailer(&folder, "a@example.org", Some("https://app.example.org/x"));
        let built_in = mailer(&folder, "a@example.org", None);
        for (name, path) in [("reset", "reset"), ("invite", "invitation")] {
            assert_eq!(own.page(name), format!("https://app.example.org/x/{name}"));
            assert_eq!(built_in.page(name), format!("https://auth.example.org/{path}"));
        }
    }
}
