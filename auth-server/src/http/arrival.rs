use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, rt, web};
use chrono::{DateTime, Utc};
use server_kit::connections::has_hung_up;
use server_kit::request_id;
use shared_claims::{Code, Problem};

use crate::domain::context::Context;

/// A user who closes the page immediately afterwards must be logged out nevertheless.
const EVEN_WITHOUT_CLIENT: &str = "/auth/logout";

#[derive(Clone, Copy)]
struct Arrival(DateTime<Utc>);

/// Middleware: records when the request arrived, and rejects it if its client had hung up before. Wrap it around everything
/// that can wait.
pub async fn record_arrival(
    context: web::Data<Context>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    request.extensions_mut().insert(Arrival(context.now()));
    // Afterwards: a client that hangs up later sends its next request after the recorded time.
    if depends_on_session(request.path()) && has_hung_up(&request) {
        return Err(Problem::new(Code::Unavailable).into());
    }
    next.call(request).await
}

/// Whether a call may detect reuse.
fn depends_on_session(path: &str) -> bool {
    (path.starts_with("/auth/") || path.starts_with("/admin/")) && !path.starts_with(EVEN_WITHOUT_CLIENT)
}

/// When the request arrived.
pub fn arrived_at(request: &HttpRequest) -> Option<DateTime<Utc>> {
    request.extensions().get::<Arrival>().map(|arrival| arrival.0)
}

/// Runs `work` to its end, even if the client hangs up and its request is dropped.
pub async fn without_client<T: 'static>(
    work: impl Future<Output = Result<T, Problem>> + 'static,
) -> Result<T, Problem> {
    let task = match request_id::current() {
        Some(id) => rt::spawn(request_id::handling(id, work)),
        None => rt::spawn(work),
    };
    task.await.unwrap_or_else(|error| {
        log::error!("work for a client did not end: {error}");
        Err(Problem::new(Code::InternalError))
    })
}
