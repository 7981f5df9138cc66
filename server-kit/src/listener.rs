//! The sockets that a server listens on.

/// Raises this process's limit of open files, and so of connections, to the hard limit. Shells and service managers start
/// programs with a limit of 1024. Call it at the start of a server's `main`.
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
