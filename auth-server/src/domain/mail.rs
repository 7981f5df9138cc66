//! Outgoing mail: texts, messages and transports. [`mail_delivery`](crate::domain::mail_delivery) sends what is in the outbox.

mod folder;
mod languages;
mod mailer;
mod message;
pub mod outbox;
mod queue;
mod smtp;
mod templates;
mod values;

pub use folder::Folder;
pub use languages::Languages;
pub use mailer::{Mailer, MailerParts};
pub use message::Message;
pub use queue::{MailState, Queue};
pub use smtp::{Connection, Credentials, Security, Smtp, SmtpParts};
pub use templates::{Rendered, Templates};
pub use values::{Values, completed, duration_values, sample};

use std::path::Path;

/// Where mails go.
pub enum Transport {
    Smtp(Smtp),
    Folder(Folder),
}

/// Why a mail was not delivered. The text is for operators.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Before the server had seen the recipient: no mail can be sent now.
    #[error("{0}")]
    Server(String),
    /// The server rejected this recipient or this mail for good.
    #[error("{0}")]
    Rejected(String),
    /// It may work later.
    #[error("{0}")]
    Temporary(String),
}

impl Transport {
    /// Into `.eml` files in this folder, which is created if it is missing.
    ///
    /// # Errors
    /// The folder cannot be created or written.
    pub fn folder(path: &Path) -> std::io::Result<Self> {
        Folder::open(path).map(Self::Folder)
    }

    /// Delivers within 30 seconds. `idle`: a connection left by an earlier delivery. Returns what the server said, and
    /// the connection for the next delivery.
    pub async fn deliver(
        &self,
        idle: Option<Connection>,
        message: &Message,
    ) -> Result<(String, Option<Connection>), DeliveryError> {
        match self {
            Self::Smtp(smtp) => {
                smtp.deliver(idle, message).await.map(|(response, connection)| (response, Some(connection)))
            }
            Self::Folder(folder) => folder.write(message).await.map(|name| (name, None)),
        }
    }

    /// The folder, if mails become files.
    pub fn as_folder(&self) -> Option<&Folder> {
        match self {
            Self::Smtp(_) => None,
            Self::Folder(folder) => Some(folder),
        }
    }

    /// Connects and logs in without sending a mail. Returns what was found.
    pub async fn check(&self) -> Result<String, String> {
        match self {
            Self::Smtp(smtp) => smtp.check().await,
            Self::Folder(folder) => Ok(format!("mails become files in {}", folder.path().display())),
        }
    }
}
