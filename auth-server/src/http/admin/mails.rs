use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::{Code, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::mail::outbox::{self, Cursor, ListedMail, Retry, State};
use crate::domain::mail_delivery;
use crate::http::extract::{AdminSession, FreshAdminSession, PageQuery, Query, parse_id};
use crate::http::problems::RateLimited;
use crate::http::responses;

/// A page of mails.
#[derive(Serialize, ToSchema)]
pub struct Mails {
    /// Newest first.
    items: Vec<MailBody>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A mail, without what it says: that may contain a link.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
struct MailBody {
    /// UUID
    id: String,
    /// Name of its templates.
    kind: String,
    /// E-mail address
    recipient: String,
    /// Language of its texts.
    locale: String,
    state: State,
    created_at: DateTime<Utc>,
    /// When a waiting mail is or was to be sent.
    due_at: DateTime<Utc>,
    /// When the link or code in the mail expires.
    expires_at: DateTime<Utc>,
    /// Failed attempts.
    attempts: i32,
    /// What the mail server said last, or why the mail was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<DateTime<Utc>>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct ListMailsQuery {
    /// Only mails in this state.
    state: Option<State>,
}

/// Lists the mails that wait, and those sent or failed within the last 24 hours, newest first.
#[utoipa::path(
    get, path = "/admin/mails", tag = "administration", params(ListMailsQuery, PageQuery),
    responses((status = 200, description = "A page of mails", body = Mails)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_mails(
    request: HttpRequest,
    context: web::Data<Context>,
    _: AdminSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    let state = query.take("state", str::parse::<State>);
    query.check()?;
    let page = outbox::page(&context.database, state, cursor, limit).await?;
    Ok(HttpResponse::Ok().json(Mails {
        items: page.items.into_iter().map(MailBody::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Sends a mail now that failed or waits for its next attempt.
#[utoipa::path(
    post, path = "/admin/mails/{id}/retry", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the mail")),
    responses((status = 204, description = "The mail will be sent now"), RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn retry_mail(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id)?;
    let operation = admin.operation(&context)?;
    match mail_delivery::retry(&operation, Retry::One(id)).await? {
        0 => Err(Problem::new(Code::NotFound).detail("No such mail, or it was sent or has expired.")),
        _ => Ok(responses::no_content([])),
    }
}

impl From<ListedMail> for MailBody {
    fn from(mail: ListedMail) -> Self {
        Self {
            state: mail.state(),
            id: mail.id,
            kind: mail.kind,
            recipient: mail.recipient,
            locale: mail.locale,
            created_at: mail.created_at.and_utc(),
            due_at: mail.due_at.and_utc(),
            expires_at: mail.expires_at.and_utc(),
            attempts: mail.attempts,
            outcome: mail.outcome,
            sent_at: mail.sent_at.map(|at| at.and_utc()),
            failed_at: mail.failed_at.map(|at| at.and_utc()),
        }
    }
}
