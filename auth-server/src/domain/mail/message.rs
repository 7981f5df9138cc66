use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::domain::mail::Rendered;
use crate::model::{Email, MailId};

/// A mail as it is transmitted. Made again, it is the same, byte by byte.
pub struct Message {
    /// Receives reports of failed deliveries.
    pub from: Address,
    pub to: Address,
    pub bytes: Vec<u8>,
    /// Sorts by time.
    pub file_name: String,
}

/// The parts of a message, except its texts.
pub struct Envelope<'a> {
    pub id: MailId,
    pub kind: &'static str,
    pub from: &'a Mailbox,
    pub reply_to: Option<&'a Mailbox>,
    pub to: &'a Email,
    pub created_at: DateTime<Utc>,
}

impl Message {
    /// # Errors
    /// One line: an address or a text cannot be part of a mail.
    pub fn new(envelope: &Envelope<'_>, texts: Rendered) -> Result<Self, String> {
        let Envelope { id, kind, from, reply_to, to, created_at } = envelope;
        let to: Address = to.as_str().parse().map_err(|error| format!("the recipient's address: {error}"))?;
        let mut builder = lettre::Message::builder()
            .from((*from).clone())
            .to(Mailbox::new(None, to.clone()))
            .date(SystemTime::from(*created_at))
            .message_id(Some(format!("<{id}@{}>", from.email.domain())))
            .subject(texts.subject)
            // No automatic replies (RFC 3834 §5), and none by Exchange.
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        if let Some(reply_to) = reply_to {
            builder = builder.reply_to((*reply_to).clone());
        }
        // Not random, as lettre's would be: see the doc of `Message`.
        let parts = MultiPart::alternative()
            .boundary(id.to_string())
            .singlepart(SinglePart::plain(texts.text))
            .singlepart(SinglePart::html(texts.html));
        let message = builder.multipart(parts).map_err(|error| error.to_string())?;
        let file_name = format!("{}-{kind}-{id}.eml", created_at.format("%Y%m%dT%H%M%S%3f"));
        Ok(Self { from: from.email.clone(), to, bytes: message.formatted(), file_name })
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
