//! One attempt to send one mail, and what is recorded of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::sleep;

use crate::domain::context::Context;
use crate::domain::mail::{Connection, DeliveryError, Mailer};
use crate::domain::mail_delivery::content::{Content, content};
use crate::domain::operation::Transaction;
use crate::metrics::MailOutcome;
use crate::model::{ClientInfo, EventType};
use crate::store::StoreError;
use crate::store::mails::{self, Outcome, StoredMail};

/// Between attempts. The last one repeats until the mail expires.
const BACK_OFF: [TimeDelta; 5] = [
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(8),
    TimeDelta::minutes(32),
    TimeDelta::hours(1),
];
/// Attempts to record an outcome, a second apart, so that a short outage of the database does not send a mail twice.
const RECORD_ATTEMPTS: u32 = 30;

/// What an attempt shows about the mail server.
pub enum Attempted {
    /// Nothing: the mail was not sent there. With the connection that was not used.
    NotAtServer(Option<Connection>),
    /// It responded to a recipient. With the connection, if it can be used again.
    Reached(Option<Connection>),
    /// No mail can be sent.
    ServerFailed(String),
}

pub async fn deliver(context: Arc<Context>, mut mail: StoredMail, idle: Option<Connection>) -> Attempted {
    let Some(mailer) = context.mailer.as_ref() else { return Attempted::NotAtServer(idle) };
    let (attempted, outcome) = attempt(&context, mailer, &mut mail, idle).await;
    record(&context, &mail, &outcome).await;
    attempted
}

/// Returns a mail that was not started.
pub async fn release(context: &Context, mail: &StoredMail) {
    record(context, mail, &Outcome::Released).await;
}

/// Gives the mail the kind and language that it is sent with, which metrics and events name.
async fn attempt(
    context: &Context,
    mailer: &Mailer,
    mail: &mut StoredMail,
    idle: Option<Connection>,
) -> (Attempted, Outcome) {
    if mail.expires_at <= context.now() {
        return (Attempted::NotAtServer(idle), Outcome::Failed { reason: "expired".to_owned() });
    }
    let values = match content(context, mailer, mail).await {
        Ok(Content::Send(kind, locale, values)) => {
            (mail.kind, mail.locale) = (kind, locale);
            values
        }
        Ok(Content::Later(reason)) => {
            return (Attempted::NotAtServer(idle), retry(context, mail, reason.to_owned()));
        }
        Ok(Content::Drop(reason)) => {
            return (Attempted::NotAtServer(idle), Outcome::Dropped { reason: reason.to_owned() });
        }
        Err(error) => {
            log::warn!("cannot prepare mail {}: {error}", mail.id);
            return (Attempted::NotAtServer(idle), unprepared(context, mail, &error));
        }
    };
    let message = match mailer.message(mail, values) {
        Ok(message) => message,
        Err(error) => {
            log::error!("cannot write mail {} ({}): {error}", mail.id, mail.kind);
            return (Attempted::NotAtServer(idle), retry(context, mail, error));
        }
    };
    match mailer.transport.deliver(idle, &message).await {
        Ok((response, connection)) => (Attempted::Reached(connection), Outcome::Sent { response }),
        Err(DeliveryError::Server(reason)) => (Attempted::ServerFailed(reason), Outcome::Released),
        Err(DeliveryError::Rejected(reason)) => (Attempted::Reached(None), Outcome::Failed { reason }),
        Err(DeliveryError::Temporary(reason)) => (Attempted::Reached(None), retry(context, mail, reason)),
    }
}

/// An unreadable proof or user counts as an attempt, so that the mail does not delay others. An outage of the database does
/// not, but the mail is not claimed again at once: the error may concern this mail alone.
fn unprepared(context: &Context, mail: &StoredMail, error: &StoreError) -> Outcome {
    if error.is_unreadable() {
        retry(context, mail, error.to_string())
    } else {
        Outcome::Postponed { due_at: context.now() + BACK_OFF[0] }
    }
}

/// The next attempt, if the mail is still of use then.
fn retry(context: &Context, mail: &StoredMail, reason: String) -> Outcome {
    let attempts = usize::try_from(mail.attempts).unwrap_or(usize::MAX);
    let pause = BACK_OFF.get(attempts).unwrap_or(&BACK_OFF[BACK_OFF.len() - 1]);
    let due_at = context.now() + *pause;
    if due_at < mail.expires_at {
        Outcome::Retry { reason, due_at }
    } else {
        Outcome::Failed { reason: format!("{reason} (expired before the next attempt)") }
    }
}

async fn record(context: &Context, mail: &StoredMail, outcome: &Outcome) {
    for _ in 0..RECORD_ATTEMPTS {
        let (kept, written) = (mail.clone(), outcome.clone());
        let finish = move |tx: &mut Transaction<'_>| {
            let is_ours = mails::finish(tx.connection, &kept, &written, tx.now)?;
            if is_ours && matches!(written, Outcome::Failed { .. }) {
                let mut failed = tx.audit.event(EventType::MailFailed).with("kind", kept.kind.as_str());
                failed.user = kept.user;
                tx.audit.record(failed);
            }
            Ok::<_, StoreError>(is_ours)
        };
        match context.operation(&ClientInfo::none()).transaction(finish).await {
            Ok(is_ours) => {
                if !is_ours {
                    log::warn!("the lease of mail {} ended: it may be sent twice", mail.id);
                }
                return count(context, mail, outcome);
            }
            Err(error) => log::warn!("cannot record what became of mail {}: {error}", mail.id),
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn count(context: &Context, mail: &StoredMail, outcome: &Outcome) {
    let label = match outcome {
        Outcome::Sent { .. } => MailOutcome::Sent,
        Outcome::Failed { .. } => MailOutcome::Failed,
        Outcome::Dropped { .. } => MailOutcome::Dropped,
        Outcome::Retry { .. } => MailOutcome::Retried,
        Outcome::Postponed { .. } | Outcome::Released => return,
    };
    context.metrics.count_mail(mail.kind, label);
    // Without the response, which often repeats the address. `mail list` shows it.
    log::info!("mail {} ({}): {}", mail.id, mail.kind, label.as_str());
}
