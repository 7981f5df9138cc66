//! The SQL statements of a request, as the database connections see them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use server_kit::request_id;

/// Begins the ids of requests whose statements are recorded. Call [`record`] before the server starts, and let the server
/// trust `X-Request-Id`.
pub const ID: &str = "statements-";

/// By request id.
static SEEN: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// Observes the connections that this process opens from now on.
pub fn record() {
    set_default_instrumentation(|| Some(Box::new(Observer))).expect("no panic while it was set");
}

/// The statements of a request, without their values. Requests do not share an id.
pub fn of(id: &str) -> Vec<String> {
    SEEN.lock().expect("the statements").get(id).cloned().unwrap_or_default()
}

struct Observer;

impl Instrumentation for Observer {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let InstrumentationEvent::StartQuery { query, .. } = event else { return };
        let Some(id) = request_id::current().filter(|id| id.as_str().starts_with(ID)) else { return };
        let text = query.to_string();
        let sql = text.split(" -- binds: ").next().unwrap_or_default().to_owned();
        SEEN.lock().expect("the statements").entry(id.to_string()).or_default().push(sql);
    }
}
