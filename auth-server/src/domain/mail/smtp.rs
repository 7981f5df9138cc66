//! SMTP over lettre's connection. Its transport would not tell at which command a delivery failed, and has no time limit
//! after the connect.

use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials as Login, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::domain::mail::{DeliveryError, Message};

/// Below the lease of a mail.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// A server that does not respond to `QUIT` must not delay others.
const QUIT_LIMIT: Duration = Duration::from_secs(2);
/// Responses are stored and logged.
const MAX_RESPONSE_CHARS: usize = 200;
/// "Authentication required" (RFC 4954 §6): about the settings, not about the recipient.
const AUTHENTICATION_REQUIRED: u16 = 530;

/// A mail server.
pub struct Smtp {
    host: String,
    port: u16,
    encryption: Encryption,
    login: Option<Login>,
    /// The name in `EHLO`.
    client: ClientId,
    /// One delivery, from the connect to the response to the mail.
    time_limit: Duration,
}

/// From the settings.
pub struct SmtpParts {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub credentials: Option<Credentials>,
    /// Certificates in PEM, in place of those of the system.
    pub authorities: Option<Vec<u8>>,
    /// The name of this host.
    pub client: String,
    pub time_limit: Option<Duration>,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    StartTls,
    Tls,
    None,
}

enum Encryption {
    StartTls(TlsParameters),
    Tls(TlsParameters),
    None,
}

pub struct Credentials {
    pub user: String,
    pub password: SecretString,
}

/// An open connection, ready for a mail.
pub struct Connection(AsyncSmtpConnection);

impl Smtp {
    /// # Errors
    /// One line: the certificates cannot be used.
    pub fn new(parts: SmtpParts) -> Result<Self, String> {
        let SmtpParts { host, port, security, credentials, authorities, client, time_limit } = parts;
        let tls = || tls_parameters(&host, authorities.as_deref());
        let encryption = match security {
            Security::StartTls => Encryption::StartTls(tls()?),
            Security::Tls => Encryption::Tls(tls()?),
            Security::None => Encryption::None,
        };
        let login =
            credentials.map(|given| Login::new(given.user, given.password.expose_secret().to_owned()));
        let (client, time_limit) = (ClientId::Domain(client), time_limit.unwrap_or(TIME_LIMIT));
        Ok(Self { host, port, encryption, login, client, time_limit })
    }

    pub async fn deliver(
        &self,
        idle: Option<Connection>,
        message: &Message,
    ) -> Result<(String, Connection), DeliveryError> {
        let has_seen_recipient = AtomicBool::new(false);
        // Boxed, because the future is large.
        let transaction = Box::pin(self.send(idle, message, &has_seen_recipient));
        timeout(self.time_limit, transaction).await.unwrap_or_else(|_| {
            let text = format!("no response within {} s", self.time_limit.as_secs());
            Err(if has_seen_recipient.load(Ordering::Relaxed) {
                DeliveryError::Temporary(text)
            } else {
                DeliveryError::Server(text)
            })
        })
    }

    /// Connects, logs in and disconnects.
    pub async fn check(&self) -> Result<String, String> {
        let limit = |_| format!("{self} does not respond within {} s", self.time_limit.as_secs());
        timeout(self.time_limit, self.connect()).await.map_err(limit)??.close().await;
        let login = if self.login.is_some() { ", and accepts the login" } else { "" };
        Ok(match self.encryption {
            Encryption::StartTls(_) => format!("{self} offers STARTTLS{login}"),
            Encryption::Tls(_) => format!("{self} offers TLS{login}"),
            Encryption::None => format!("{self} responds{login}"),
        })
    }

    async fn send(
        &self,
        idle: Option<Connection>,
        message: &Message,
        has_seen_recipient: &AtomicBool,
    ) -> Result<(String, Connection), DeliveryError> {
        let mut connection = self.open(idle, message).await?;
        let smtp = &mut connection.0;
        has_seen_recipient.store(true, Ordering::Relaxed);
        smtp.command(Rcpt::new(message.to.clone(), Vec::new()))
            .await
            .map_err(|error| of_recipient(&error))?;
        smtp.command(Data).await.map_err(|error| of_recipient(&error))?;
        let response = smtp.message(&message.bytes).await.map_err(|error| of_recipient(&error))?;
        let text = response.message().collect::<Vec<_>>().join(" ");
        Ok((one_line(&format!("{} {text}", response.code())), connection))
    }

    /// A connection on which the server has accepted the sender: the idle one, or a new one. Many servers limit the mails of
    /// a connection, and reject the sender of the next one.
    async fn open(&self, idle: Option<Connection>, message: &Message) -> Result<Connection, DeliveryError> {
        if let Some(mut connection) = idle
            && connection.0.command(Rset).await.is_ok()
            && name_sender(&mut connection.0, message).await.is_ok()
        {
            return Ok(connection);
        }
        let mut connection = self.connect().await.map_err(DeliveryError::Server)?;
        name_sender(&mut connection.0, message).await?;
        Ok(connection)
    }

    async fn connect(&self) -> Result<Connection, String> {
        let failed = |error: Error| format!("{self}: {}", describe(&error));
        let implicit = match &self.encryption {
            Encryption::Tls(tls) => Some(tls.clone()),
            Encryption::StartTls(_) | Encryption::None => None,
        };
        let address = (self.host.as_str(), self.port);
        let connect =
            AsyncSmtpConnection::connect_tokio1(address, Some(self.time_limit), &self.client, implicit, None);
        let mut smtp = connect.await.map_err(failed)?;
        if let Encryption::StartTls(tls) = &self.encryption {
            if !smtp.can_starttls() {
                return Err(format!("{self} does not offer STARTTLS"));
            }
            smtp.starttls(tls.clone(), &self.client).await.map_err(failed)?;
        }
        if let Some(login) = &self.login {
            // Without the text of the response, which could repeat the password.
            let rejected = |error: Error| match error.status() {
                Some(code) => format!("{self} rejects SMTP_USER and SMTP_PASSWORD ({code})"),
                None => failed(error),
            };
            smtp.auth(&[Mechanism::Plain, Mechanism::Login], login).await.map_err(rejected)?;
        }
        Ok(Connection(smtp))
    }
}

impl fmt::Display for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Connection {
    pub async fn close(mut self) {
        let _ = timeout(QUIT_LIMIT, self.0.quit()).await;
    }
}

fn tls_parameters(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authorities {
        let invalid = |error: Error| format!("SMTP_CA_FILE: {error}");
        builder = builder.certificate_store(CertificateStore::None);
        let certificate = Certificate::from_pem(pem).map_err(invalid)?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| format!("cannot prepare TLS for SMTP_HOST: {error}"))
}

async fn name_sender(smtp: &mut AsyncSmtpConnection, message: &Message) -> Result<(), DeliveryError> {
    let from_sender = Mail::new(Some(message.from.clone()), options(smtp, message)?);
    smtp.command(from_sender).await.map_err(|error| DeliveryError::Server(describe(&error)))?;
    Ok(())
}

fn options(smtp: &AsyncSmtpConnection, message: &Message) -> Result<Vec<MailParameter>, DeliveryError> {
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if is_ascii(&message.from) && is_ascii(&message.to) {
        return Ok(Vec::new());
    }
    if smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
        return Ok(vec![MailParameter::SmtpUtfEight]);
    }
    Err(DeliveryError::Rejected(
        "the mail server does not support addresses with other letters than ASCII".into(),
    ))
}

/// A failure after the server accepted the sender.
fn of_recipient(error: &Error) -> DeliveryError {
    let text = describe(error);
    match error.status().map(u16::from) {
        Some(AUTHENTICATION_REQUIRED) => DeliveryError::Server(text),
        Some(500..) => DeliveryError::Rejected(text),
        Some(_) | None => DeliveryError::Temporary(text),
    }
}

fn describe(error: &Error) -> String {
    match (error.status(), error.source()) {
        (Some(code), Some(text)) => one_line(&format!("{code} {text}")),
        _ => one_line(&error.to_string()),
    }
}

fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ").chars().take(MAX_RESPONSE_CHARS).collect()
}
