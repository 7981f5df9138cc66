//! Closes connections that stay open without a request in progress.
//!
//! actix has timeouts for the first request of a connection and for a silent connection. Without this module a client
//! could keep a connection open without limit: by sending the head of a second request byte by byte, by sending chunks
//! of a body that no handler reads, or by not reading the response.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::net::{Shutdown, TcpStream};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, rt};

/// How long a connection may stay open without a request in progress. Long enough to send a response over a slow line,
/// to be idle as long as actix allows, and to receive the next head.
const MAX_IDLE: Duration = Duration::from_secs(20);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A connection. actix owns it and drops it when the connection ends.
struct Connection {
    socket: TcpStream,
    requests: Cell<usize>,
    idle_since: Cell<Instant>,
}

/// A request in progress.
struct Busy(Rc<Connection>);

thread_local! {
    /// The connections of this worker. Each stays on the thread that accepted it.
    static CONNECTIONS: RefCell<Vec<Weak<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// Watches a connection: for `HttpServer::on_connect`, before the server is bound. Ignores connections that are not
/// plain TCP.
pub fn watch(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(socket) = connection.downcast_ref().and_then(duplicate) else { return };
    let connection =
        Rc::new(Connection { socket, requests: Cell::new(0), idle_since: Cell::new(Instant::now()) });
    CONNECTIONS.with_borrow_mut(|all| {
        if all.is_empty() {
            rt::spawn(close_idle());
        }
        all.push(Rc::downgrade(&connection));
    });
    extensions.insert(connection);
}

/// Middleware: marks the connection as busy while the request is in progress. Wrap it around everything else.
///
/// # Errors
/// Those of the inner service.
pub async fn mark_busy<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let _busy = request.conn_data().cloned().map(Busy::begin);
    next.call(request).await
}

/// A second descriptor, because actix does not share its own.
#[cfg(unix)]
fn duplicate(stream: &rt::net::TcpStream) -> Option<TcpStream> {
    use std::os::fd::AsFd as _;
    stream.as_fd().try_clone_to_owned().ok().map(TcpStream::from)
}

#[cfg(not(unix))]
fn duplicate(_stream: &rt::net::TcpStream) -> Option<TcpStream> {
    None
}

/// Runs until this worker has no connections. The next connection starts it again.
async fn close_idle() {
    loop {
        rt::time::sleep(CHECK_INTERVAL).await;
        let is_empty = CONNECTIONS.with_borrow_mut(|all| {
            all.retain(|connection| {
                connection.upgrade().is_some_and(|connection| !connection.close_if_idle())
            });
            all.is_empty()
        });
        if is_empty {
            return;
        }
    }
}

impl Connection {
    fn close_if_idle(&self) -> bool {
        let is_idle = self.requests.get() == 0 && self.idle_since.get().elapsed() >= MAX_IDLE;
        if is_idle {
            // actix notices, and drops its part of the connection.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
        is_idle
    }
}

impl Busy {
    fn begin(connection: Rc<Connection>) -> Self {
        connection.requests.set(connection.requests.get() + 1);
        Self(connection)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}
