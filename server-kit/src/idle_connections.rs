//! Cuts off connections that are held without being used. The framework does so before a connection's first request, and
//! while nothing at all comes; but whoever sends the head of a second request byte by byte, chunks of a body that
//! nobody reads, or takes no answer could hold one for ever.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::net::{Shutdown, TcpStream};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, rt};

/// How long a connection is kept without a request under way: enough to take an answer over a bad line, to be idle as
/// long as the framework allows, and to send the next head.
const QUIET: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A connection as long as the framework has it; gone with it.
struct Watched {
    socket: TcpStream,
    under_way: Cell<usize>,
    quiet_since: Cell<Instant>,
}

/// One request under way.
struct UnderWay(Rc<Watched>);

thread_local! {
    /// The connections of this worker. Each stays on the thread that accepted it.
    static WATCHED: RefCell<Vec<Weak<Watched>>> = const { RefCell::new(Vec::new()) };
}

/// Watches a connection: for `HttpServer::on_connect`, before the server is bound. Does nothing for connections that are
/// not plain TCP.
pub fn watch(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(socket) = connection.downcast_ref().and_then(duplicate) else { return };
    let watched =
        Rc::new(Watched { socket, under_way: Cell::new(0), quiet_since: Cell::new(Instant::now()) });
    WATCHED.with_borrow_mut(|all| {
        if all.is_empty() {
            rt::spawn(look());
        }
        all.push(Rc::downgrade(&watched));
    });
    extensions.insert(watched);
}

/// Middleware, wrapped around everything that takes time: tells the watch that a request is under way.
///
/// # Errors
/// Those of what it is wrapped around.
pub async fn mark_busy<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let _under_way = request.conn_data().cloned().map(UnderWay::begin);
    next.call(request).await
}

/// Its own descriptor, as the framework keeps the other to itself.
#[cfg(unix)]
fn duplicate(stream: &rt::net::TcpStream) -> Option<TcpStream> {
    use std::os::fd::AsFd as _;
    stream.as_fd().try_clone_to_owned().ok().map(TcpStream::from)
}

#[cfg(not(unix))]
fn duplicate(_stream: &rt::net::TcpStream) -> Option<TcpStream> {
    None
}

/// Ends when this worker has no connection any more; the next one starts it again.
async fn look() {
    loop {
        rt::time::sleep(LOOK_EVERY).await;
        let none_left = WATCHED.with_borrow_mut(|all| {
            all.retain(|one| one.upgrade().is_some_and(|watched| watched.stays()));
            all.is_empty()
        });
        if none_left {
            return;
        }
    }
}

impl Watched {
    /// `false` where it was cut off: there is nothing more to watch.
    fn stays(&self) -> bool {
        let stays = self.under_way.get() > 0 || self.quiet_since.get().elapsed() < QUIET;
        if !stays {
            // The framework notices, and drops what it has of it.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
        stays
    }
}

impl UnderWay {
    fn begin(watched: Rc<Watched>) -> Self {
        watched.under_way.set(watched.under_way.get() + 1);
        Self(watched)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        self.0.quiet_since.set(Instant::now());
    }
}
