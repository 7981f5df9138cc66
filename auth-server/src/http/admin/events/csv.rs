use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use futures_util::stream::{iter, try_unfold};
use shared_claims::Problem;

use crate::domain::context::Context;
use crate::domain::events::{self, Cursor, Filter, ListenError};
use crate::http::admin::events::{ListEventsQuery, filter};
use crate::http::auth::events::EventBody;
use crate::http::extract::{AdminSession, Query};
use crate::model::{Session, csv};

const COLUMNS: [&str; 8] = ["at", "type", "user_id", "session_id", "ip", "user_agent", "device", "details"];
/// Events in memory at the same time.
const PAGE: i64 = 1_000;
const MAX_PAGES: u32 = 100;

/// The events that have not been exported yet.
struct Rest {
    context: web::Data<Context>,
    session: Session,
    filter: Filter,
    cursor: Option<Cursor>,
    pages: u32,
}

/// Returns the security events of all users as CSV, newest first.
///
/// At most 100,000 events. The response is cut off if the session ends or the user loses the role `admin`. Cells that a
/// spreadsheet would run as a formula begin with an apostrophe.
#[utoipa::path(
    get, path = "/admin/events.csv", tag = "administration", params(ListEventsQuery),
    responses((status = 200, description = "A header, and a line for each event", body = String, content_type = "text/csv", example = json!("at,type,user_id,session_id,ip,user_agent,device,details\n"))),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn export_events(
    request: HttpRequest,
    context: web::Data<Context>,
    admin: AdminSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read_with_lists(&request, &["type"])?;
    let filter = filter(&mut query);
    query.check()?;
    let header = Bytes::from(COLUMNS.join(",") + "\n");
    // Before the response begins, so that an error has a status.
    let all = Rest { context, session: admin.session, filter, cursor: None, pages: MAX_PAGES };
    let (first, rest) = all.page().await?;
    let rest = try_unfold(rest, async |rest| match rest {
        Some(rest) => rest.page().await.map(Some),
        None => Ok(None),
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"events.csv\""))
        .streaming(iter([Ok(header), Ok(first)]).chain(rest)))
}

impl Rest {
    /// One page, and the rest after it.
    async fn page(self) -> Result<(Bytes, Option<Self>), ListenError> {
        let Self { context, session, filter, cursor, pages } = self;
        let page = events::page_of_administrator(&context, &session, filter.clone(), cursor, PAGE).await?;
        let line = |event| {
            let event = serde_json::to_value(EventBody::from(event)).unwrap_or_default();
            csv::line(&COLUMNS, &event) + "\n"
        };
        let lines: String = page.items.into_iter().map(line).collect();
        let next = page.next.filter(|_| pages > 1);
        let rest = next.map(|next| Self { context, session, filter, cursor: Some(next), pages: pages - 1 });
        Ok((lines.into(), rest))
    }
}
