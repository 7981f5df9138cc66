//! `auth-server mail`: tests the mail server, and shows the outbox.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::Report;
use crate::cli::paging::Paging;
use crate::cli::screen::Cell;
use crate::cli::short_id;
use crate::cli::table::{Column, Cut, Table};
use crate::domain::mail::outbox::{self, Cursor, ListedMail, Retry, State};
use crate::domain::mail::{DeliveryError, Mailer};
use crate::domain::mail_delivery;
use crate::domain::operation::Operation;
use crate::model::{ClientInfo, Email, Locale, MailId, MailKind, Page};
use crate::settings::Settings;
use crate::store::{Database, StoreError};

/// More than an outbox has in practice.
const MAX_MAILS: i64 = 100_000;

const COLUMNS: [Column; 7] = [
    Column("STATE", Cut::Never),
    Column("KIND", Cut::Never),
    Column("TO", Cut::Name),
    Column("CREATED", Cut::Never),
    Column("TRIES", Cut::Never),
    Column("RESPONSE", Cut::Text),
    Column("ID", Cut::Id),
];
const CSV: &[&str] = &[
    "state",
    "kind",
    "recipient",
    "created_at",
    "due_at",
    "expires_at",
    "attempts",
    "sent_at",
    "failed_at",
    "outcome",
    "id",
];

#[derive(Clone, Subcommand)]
pub enum MailCommand {
    /// Send a test mail now, without the outbox
    #[command(after_help = "\
Examples:
  Can this server send mails at all?
    auth-server mail test ann@example.org
  See a template with sample values, in German:
    auth-server mail test ann@example.org --kind reset --locale de")]
    Test {
        /// The recipient
        #[arg(value_parser = email)]
        address: Email,
        /// Send this kind of mail with sample values, whose link does not work
        #[arg(long, value_parser = kind)]
        kind: Option<MailKind>,
        /// Language of that mail [default: `MAIL_LOCALE`]
        #[arg(long, value_parser = locale, requires = "kind")]
        locale: Option<Locale>,
    },
    /// Check settings and templates, and log in at the mail server
    Check,
    /// List mails that wait, and those sent or failed within the last 24 hours, newest first
    List {
        /// Only mails in this state
        #[arg(long)]
        state: Option<StateArg>,
        #[command(flatten)]
        paging: Paging<Cursor>,
    },
    /// Send mails now that failed or wait for their next attempt
    #[command(after_help = "\
Examples:
  Send one mail again; the first 8 characters of its id are enough:
    auth-server mail retry 3f2a9c1e
  Send everything now, after the mail server was repaired:
    auth-server mail retry --all")]
    Retry {
        /// Id of the mail, as in `mail list`
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All mails that failed or wait, unless they have expired
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum StateArg {
    /// To be sent
    Waiting,
    /// Accepted by the mail server
    Sent,
    /// Rejected, expired or dropped
    Failed,
}

pub async fn run(settings: &Settings, command: MailCommand) -> Result<Report, String> {
    match command {
        MailCommand::Test { address, kind, locale } => test(&mailer(settings)?, &address, kind, locale).await,
        MailCommand::Check => {
            let found = mailer(settings)?.transport.check().await?;
            Ok(Report::sentence(
                format!("all templates can be rendered, and {found}"),
                json!({"ok": true, "text": found}),
            ))
        }
        MailCommand::List { state, paging } => {
            let database = Database::open_existing(&settings.database_url()?)?;
            let Paging { cursor, limit } = paging;
            let page = outbox::page(&database, state.map(State::from), cursor, limit).await;
            Ok(list(&page.map_err(|error| error.to_string())?))
        }
        MailCommand::Retry { id, .. } => {
            let database = Database::open_existing(&settings.database_url()?)?;
            retry(&database, id).await
        }
    }
}

fn mailer(settings: &Settings) -> Result<Mailer, String> {
    settings.check()?;
    settings.mailer()?.ok_or_else(|| "MAIL_TRANSPORT is off: set it to smtp or file".to_owned())
}

async fn test(
    mailer: &Mailer,
    to: &Email,
    kind: Option<MailKind>,
    locale: Option<Locale>,
) -> Result<Report, String> {
    let now = SystemClock.now();
    let message = match kind {
        Some(kind) => mailer.sample(kind, locale.as_ref(), to, now)?,
        None => mailer.test(to, now)?,
    };
    let sent = mailer.transport.deliver(None, &message).await;
    let (response, connection) = sent.map_err(|error| match error {
        DeliveryError::Server(reason) => reason,
        DeliveryError::Rejected(reason) | DeliveryError::Temporary(reason) => {
            format!("the mail server does not accept the mail: {reason}")
        }
    })?;
    if let Some(connection) = connection {
        connection.close().await;
    }
    let text = format!("sent a test mail to {}: {response}", to.as_str());
    Ok(Report::sentence(text, json!({"to": to.as_str(), "response": response})))
}

async fn retry(database: &Database, id: Option<String>) -> Result<Report, String> {
    let failed = |error: StoreError| error.to_string();
    let which = match &id {
        None => Retry::All,
        Some(text) => {
            let found = outbox::page(database, None, None, MAX_MAILS).await.map_err(failed)?.items;
            let id = short_id::complete(&text.to_lowercase(), found.into_iter().map(|mail| mail.id))?;
            let id: Option<MailId> = id.and_then(|id| id.parse().ok());
            Retry::One(id.ok_or_else(|| format!("no mail has the id {text}"))?)
        }
    };
    let operation = Operation::new(database, ClientInfo::operator(), SystemClock.now());
    let count = mail_delivery::retry(&operation, which).await.map_err(|error| error.to_string())?;
    if id.is_some() && count == 0 {
        return Err("the mail was sent or has expired".to_owned());
    }
    let mails = if count == 1 { "mail" } else { "mails" };
    Ok(Report::sentence(format!("{count} {mails} will be sent now"), json!({"retried": count})))
}

fn list(page: &Page<ListedMail, Cursor>) -> Report {
    let row = |mail: &ListedMail| {
        let state = Cell::text(mail.state().as_str());
        let state = match mail.state() {
            State::Waiting => state,
            State::Sent => state.good(),
            State::Failed => state.bad(),
        };
        vec![
            state,
            Cell::text(&mail.kind),
            Cell::text(&mail.recipient),
            Cell::time(mail.created_at.and_utc()),
            Cell::text(mail.attempts.to_string()),
            Cell::optional(mail.outcome.clone()),
            Cell::text(&mail.id).faint(),
        ]
    };
    let table = Table::new(&COLUMNS, page.items.iter().map(row).collect(), "no mails");
    let next = page.next.map(|cursor| cursor.to_string());
    Report::page(table, page.items.iter().map(object).collect(), next, CSV)
}

fn object(mail: &ListedMail) -> Value {
    json!({
        "id": mail.id,
        "state": mail.state().as_str(),
        "kind": mail.kind,
        "recipient": mail.recipient,
        "created_at": mail.created_at.and_utc(),
        "due_at": mail.due_at.and_utc(),
        "expires_at": mail.expires_at.and_utc(),
        "attempts": mail.attempts,
        "sent_at": mail.sent_at.map(|at| at.and_utc()),
        "failed_at": mail.failed_at.map(|at| at.and_utc()),
        "outcome": mail.outcome,
    })
}

impl From<StateArg> for State {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Waiting => Self::Waiting,
            StateArg::Sent => Self::Sent,
            StateArg::Failed => Self::Failed,
        }
    }
}

fn email(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|error| error.to_string())
}

pub fn locale(text: &str) -> Result<Locale, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn kind(text: &str) -> Result<MailKind, String> {
    text.parse().map_err(|_| format!("give one of {}", MailKind::ALL.map(MailKind::as_str).join(", ")))
}
