use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::domain::context::Context;
use crate::domain::mail::{Mailer, Values, completed, duration_values};
use crate::domain::operation::Transaction;
use crate::domain::proofs::{self, Contents, Outcome};
use crate::model::{ClientInfo, Locale, MailKind, Proof};
use crate::store::StoreError;
use crate::store::mails::StoredMail;

/// What to do with a mail that is due.
pub enum Content {
    /// A mail of this kind and in this language, which may differ from those of the row, with these values.
    Send(MailKind, Locale, Values),
    /// Nothing. The reason is for operators.
    Drop(&'static str),
    /// Nothing on this server, or not yet. The reason is for operators.
    Later(&'static str),
}

/// Call it for each attempt.
pub async fn content(context: &Context, mailer: &Mailer, mail: &StoredMail) -> Result<Content, StoreError> {
    let Some(proof) = mail.proof else {
        return Ok(Content::Send(mail.kind, mail.locale.clone(), completed(&mail.data)));
    };
    let tokens = Arc::clone(&context.proof_tokens);
    let prepare = move |tx: &mut Transaction<'_>| proofs::contents(tx, &tokens, proof);
    Ok(match context.operation(&ClientInfo::none()).transaction(prepare).await? {
        Outcome::AlreadyRegistered(locale) => {
            let locale = locale.unwrap_or_else(|| mail.locale.clone());
            Content::Send(MailKind::AlreadyRegistered, locale, mail.data.clone())
        }
        Outcome::Send(contents) => {
            let locale = contents.locale.clone().unwrap_or_else(|| mail.locale.clone());
            Content::Send(contents.purpose.mail(), locale, values(mailer, &contents))
        }
        Outcome::Drop(reason) => Content::Drop(reason),
        Outcome::Later(reason) => Content::Later(reason),
    })
}

fn values(mailer: &Mailer, contents: &Contents) -> Values {
    let purpose = contents.purpose;
    let mut values = duration_values(purpose.lifetime(), Proof::CODE_LIFETIME);
    if purpose.has_link() {
        let link = format!("{}#{}", mailer.page(purpose.as_str()), contents.token.expose_secret());
        values.insert("link".to_owned(), link.into());
    }
    // Templates can omit a code that does not exist.
    values.insert("code".to_owned(), contents.code.as_ref().map(ExposeSecret::expose_secret).into());
    values
}
