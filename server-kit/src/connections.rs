//! The open connections: how many there may be, and how long each may stay without a request in progress.
//!
//! actix has timeouts for the first request head and for a silent connection. Without this module a client could keep a
//! connection open without limit: by sending the head of a second request byte by byte, by sending chunks of a body that
//! no handler reads, or by not reading the response. And clients could use up the server's open files.

mod closing;
mod socket;
mod stream;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_web::dev::ServiceRequest;
use actix_web::rt::net::TcpStream;
use actix_web::{HttpMessage as _, rt};
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv};
use tokio::net::tcp::OwnedWriteHalf;

use crate::listener::fd_limit;
use crate::real_ip::TrustedProxies;

pub(crate) use closing::Closing;
pub(crate) use socket::Socket;
pub(crate) use stream::Stream;

/// The most connections of a server, about 50 MiB of memory. Fewer if it may open fewer files.
const MAX_CONNECTIONS: usize = 4_096;
/// The part of the limit that an address, or a /64 of IPv6, may use unless it is a trusted proxy: 512 of 4,096. Enough for
/// the pool of a proxy that is missing in `TRUSTED_PROXIES`.
const PARTS: usize = 8;
/// At a limit, this part of the idle connections is closed: looking for the oldest takes time for each.
const CLOSED_TOGETHER: usize = 64;
/// Open files for everything else: the database, listeners, and connections that are being closed.
const OTHER_FILES: usize = 128;
/// How long a client may take to send a request head, from its first byte.
const MAX_HEAD: Duration = Duration::from_secs(10);
/// How long a client may take to receive a response, on a slow line.
pub(crate) const MAX_SENDING: Duration = Duration::from_secs(20);
/// How much longer than `KEEP_ALIVE` any connection may stay without a request in progress.
const MARGIN: Duration = Duration::from_secs(10);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The bytes of an alert of TLS 1.3: head, level, description, type and tag. Those of TLS 1.2 are shorter than the second.
const TLS_13_ALERT: usize = 5 + 2 + 1 + 16;
const MAX_ALERT: usize = 40;

/// The open connections of a server.
pub(crate) struct Connections {
    open: Mutex<Open>,
    limit: usize,
    max_idle: Duration,
    trusted_proxies: Arc<TrustedProxies>,
    requires_https: bool,
}

#[derive(Default)]
struct Open {
    /// By number.
    all: HashMap<u64, Weak<Connection>>,
    per_source: HashMap<Source, usize>,
    last: u64,
}

/// Where a connection comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    Address(IpAddr),
    TrustedProxy,
}

/// A connection. Its [`Socket`] closes it when it is dropped.
pub(crate) struct Connection {
    number: u64,
    source: Source,
    socket: OwnedWriteHalf,
    requires_https: bool,
    activity: Mutex<Activity>,
}

struct Activity {
    requests: usize,
    idle_since: Instant,
    /// Since when a part of a request has arrived that is not in progress yet.
    receiving_since: Option<Instant>,
    /// Since when a part of a response waits for the client.
    sending_since: Option<Instant>,
    /// Requests arrive in frames, between others that belong to none.
    is_multiplexed: bool,
}

/// A request in progress, until it is dropped.
pub(crate) struct Busy(Arc<Connection>);

impl Connections {
    /// `keep_alive`: how long a connection may be idle between two requests. `requires_https`: whether responses tell
    /// browsers to use HTTPS only.
    pub fn new(keep_alive: Duration, trusted_proxies: Arc<TrustedProxies>, requires_https: bool) -> Self {
        Self {
            open: Mutex::default(),
            limit: fd_limit().saturating_sub(OTHER_FILES).clamp(OTHER_FILES, MAX_CONNECTIONS),
            max_idle: keep_alive + MARGIN,
            trusted_proxies,
            requires_https,
        }
    }

    /// How many connections actix may have in each worker before it accepts no more. Together a few more than the limit,
    /// for those that are being closed.
    pub fn per_worker(&self, workers: usize) -> usize {
        (self.limit + OTHER_FILES / 2).div_ceil(workers)
    }

    /// Adds a connection. At a limit, those that are idle for the longest time are closed instead.
    ///
    /// # Errors
    /// A limit is reached, and no connection is idle.
    pub fn admit(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr) -> io::Result<Socket> {
        let source = self.source(peer.ip());
        let mut open = self.open();
        let of_source = open.per_source.get(&source).copied().unwrap_or_default();
        if of_source >= self.limit / PARTS && source != Source::TrustedProxy {
            open.close_idle(Some(source))?;
        }
        if open.all.len() >= self.limit {
            open.close_idle(None)?;
        }
        open.last += 1;
        let (reader, socket) = socket.into_split();
        let connection = Arc::new(Connection::new(open.last, source, socket, self.requires_https));
        open.all.insert(connection.number, Arc::downgrade(&connection));
        *open.per_source.entry(source).or_default() += 1;
        Ok(Socket::new(reader, connection, Arc::clone(self)))
    }

    fn source(&self, peer: IpAddr) -> Source {
        if self.trusted_proxies.contain(peer) {
            return Source::TrustedProxy;
        }
        Source::Address(match peer.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
            address @ IpAddr::V4(_) => address,
        })
    }

    /// Closes connections that are without a request in progress for too long. Runs until the server is dropped.
    pub async fn watch(connections: Weak<Self>) {
        while let Some(connections) = connections.upgrade() {
            connections.close_overdue(Instant::now());
            drop(connections);
            rt::time::sleep(CHECK_INTERVAL).await;
        }
    }

    fn close_overdue(&self, now: Instant) {
        let mut open = self.open();
        for connection in open.connections() {
            if connection.activity().is_overdue(now, self.max_idle) {
                open.close(&connection);
            }
        }
    }

    fn remove(&self, connection: &Connection) {
        self.open().remove(connection);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn connections(&self) -> Vec<Arc<Connection>> {
        self.all.values().filter_map(Weak::upgrade).collect()
    }

    /// Closes those that are idle for the longest time, of this source or of all. Those of proxies come last.
    fn close_idle(&mut self, source: Option<Source>) -> io::Result<()> {
        let is_candidate = |one: &Arc<Connection>| source.is_none_or(|source| source == one.source);
        let mut idle = Vec::new();
        for connection in self.connections().into_iter().filter(is_candidate) {
            let since = connection.activity().idle_since();
            idle.extend(since.map(|since| (connection.source == Source::TrustedProxy, since, connection)));
        }
        if idle.is_empty() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let count = idle.len().div_ceil(CLOSED_TOGETHER);
        idle.select_nth_unstable_by_key(count - 1, |(is_proxy, since, _)| (*is_proxy, *since));
        idle.drain(..count).for_each(|(_, _, connection)| self.close(&connection));
        Ok(())
    }

    fn close(&mut self, connection: &Connection) {
        // actix notices, and drops the stream.
        let _ = rustix::net::shutdown(connection.socket(), Shutdown::Both);
        self.remove(connection);
    }

    fn remove(&mut self, connection: &Connection) {
        if self.all.remove(&connection.number).is_none() {
            return;
        }
        if let Some(count) = self.per_source.get_mut(&connection.source) {
            *count -= 1;
            if *count == 0 {
                self.per_source.remove(&connection.source);
            }
        }
    }
}

impl Connection {
    fn new(number: u64, source: Source, socket: OwnedWriteHalf, requires_https: bool) -> Self {
        let activity = Activity {
            requests: 0,
            idle_since: Instant::now(),
            receiving_since: None,
            sending_since: None,
            is_multiplexed: false,
        };
        Self { number, source, socket, requires_https, activity: Mutex::new(activity) }
    }

    /// Whether responses tell browsers to use HTTPS only.
    pub fn requires_https(&self) -> bool {
        self.requires_https
    }

    /// The TLS handshake is over: the time for the first request begins.
    pub fn is_encrypted(&self, is_multiplexed: bool) {
        let mut activity = self.activity();
        activity.receiving_since = None;
        activity.is_multiplexed = is_multiplexed;
    }

    /// How long no request is in progress.
    pub fn idle_for(&self) -> Duration {
        self.activity().idle_since().map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn socket(&self) -> &TcpStream {
        self.socket.as_ref()
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Activity {
    /// `None` while a request is in progress.
    fn idle_since(&self) -> Option<Instant> {
        (self.requests == 0).then_some(self.idle_since)
    }

    fn is_overdue(&self, now: Instant, max_idle: Duration) -> bool {
        let exceeds = |since: Option<Instant>, most| since.is_some_and(|since| now - since >= most);
        self.requests == 0
            && (exceeds(self.receiving_since, MAX_HEAD)
                || exceeds(self.sending_since, MAX_SENDING)
                || exceeds(Some(self.idle_since), max_idle))
    }

    fn received(&mut self) {
        if self.requests == 0 && !self.is_multiplexed {
            self.receiving_since.get_or_insert_with(Instant::now);
        }
    }

    fn is_sending(&mut self, is_sending: bool) {
        if is_sending {
            self.sending_since.get_or_insert_with(Instant::now);
        } else {
            self.sending_since = None;
        }
    }
}

/// Whether the client of the request has closed the connection, or its half of it, and nothing else is left to read. Asks the
/// system, because actix may find out later.
#[must_use]
pub fn has_hung_up(request: &ServiceRequest) -> bool {
    let Some(connection) = of_request(request) else { return false };
    let mut next = [0_u8; MAX_ALERT];
    match recv(connection.socket(), &mut next, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, count)) => count == 0 || is_tls_alert(&next[..count]),
        Err(error) => error != Errno::WOULDBLOCK && error != Errno::INTR,
    }
}

/// Whether this is an alert with which TLS ends, and not followed by anything. TLS 1.3 encrypts it as if it was data, and it
/// is shorter than any request.
fn is_tls_alert(bytes: &[u8]) -> bool {
    let is_encrypted = bytes.len() == TLS_13_ALERT && bytes.starts_with(&[0x17, 3, 3]);
    is_encrypted || bytes.len() < MAX_ALERT && bytes.starts_with(&[0x15, 3, 3])
}

/// actix attaches it to requests by HTTP/1.1, and `http_server/http2/request.rs` to the others.
fn of_request(request: &ServiceRequest) -> Option<Arc<Connection>> {
    let attached = || request.extensions().get::<Arc<Connection>>().cloned();
    request.conn_data::<Arc<Connection>>().cloned().or_else(attached)
}

impl Busy {
    /// Marks the connection of the request as busy.
    pub fn begin(request: &ServiceRequest) -> Option<Self> {
        let connection = of_request(request)?;
        let mut activity = connection.activity();
        activity.requests += 1;
        activity.receiving_since = None;
        drop(activity);
        Some(Self(connection))
    }

    /// Whether the response tells browsers to use HTTPS only.
    pub fn requires_https(&self) -> bool {
        self.0.requires_https()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut activity = self.0.activity();
        activity.requests -= 1;
        activity.idle_since = Instant::now();
    }
}
