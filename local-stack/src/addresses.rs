use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Where the two servers will listen, every port known.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub auth: SocketAddr,
    pub api: SocketAddr,
}

impl Addresses {
    /// Finds out whether both can be listened on, before anything is made that a failed start would leave behind.
    /// Each server is told the other's port, so a port 0 is settled here too.
    ///
    /// # Errors
    /// One line that says which cannot, and what to do.
    pub fn reserve(auth: SocketAddr, api: SocketAddr) -> Result<Self, String> {
        // Held until both are there, or port 0 could be answered with the same one twice; then let go of for the
        // servers. A port lost in between is theirs to report.
        let auth = listen(auth, "--auth-addr")?;
        let api = listen(api, "--api-addr")?;
        match (auth.local_addr(), api.local_addr()) {
            (Ok(auth), Ok(api)) => Ok(Self { auth, api }),
            (Err(error), _) | (_, Err(error)) => Err(format!("cannot tell which port is free: {error}")),
        }
    }

    /// The issuer: the auth server by the name that people type.
    pub fn auth_url(self) -> String {
        format!("http://localhost:{}", self.auth.port())
    }

    /// The API by the name that people type.
    pub fn api_url(self) -> String {
        format!("http://localhost:{}", self.api.port())
    }

    /// Where the API fetches keys.
    pub fn jwks_url(self) -> String {
        self.auth_by_number("/.well-known/jwks.json")
    }

    /// Where the API hears of revocations.
    pub fn feed_url(self) -> String {
        self.auth_by_number("/revocations")
    }

    /// By number, as `localhost` may mean another family than the auth server listens on.
    fn auth_by_number(self, path: &str) -> String {
        let mut auth = self.auth;
        if auth.ip().is_unspecified() {
            let localhost =
                if auth.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            auth.set_ip(localhost);
        }
        format!("http://{auth}{path}")
    }
}

/// A server's origins under both loopback names.
pub fn origins(address: SocketAddr) -> [String; 2] {
    ["localhost", "127.0.0.1"].map(|name| format!("http://{name}:{}", address.port()))
}

fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {} is in use: stop what listens there, or choose another with {flag} ({flag} {} takes any free one)",
            address.port(),
            SocketAddr::new(address.ip(), 0),
        ),
        kind => format!("cannot listen on {address}: {kind}; give another address with {flag}"),
    })
}
