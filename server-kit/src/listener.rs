//! The sockets that a server listens on.

use std::net::{SocketAddr, TcpListener};

/// The number of connections that may wait to be accepted. The standard library requests 128. The kernel drops
/// connections above the limit, and their clients retry only a second later.
const BACKLOG: i32 = 1024;

/// Listens on an address.
///
/// # Errors
/// One line that names the setting and the address.
pub fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(listener)
    });
    listener.map_err(|error| format!("{setting}: cannot listen on {address}: {error}"))
}

/// How many files this process may have open.
#[must_use]
pub fn fd_limit() -> usize {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}

/// Raises the limit of open files, and so of connections, to the hard limit. Shells and service managers start programs
/// with a limit of 1024. Call it at the start of a server's `main`.
pub fn raise_fd_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            log::warn!("cannot raise the limit of open files: {error}");
        }
    }
}
