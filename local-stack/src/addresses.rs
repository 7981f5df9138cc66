use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// The listen addresses of both servers, without port 0.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub auth: SocketAddr,
    pub api: SocketAddr,
    /// Whether the servers serve HTTPS.
    pub tls: bool,
}

impl Addresses {
    /// Checks that both addresses are free, before anything is created that a failed start would leave behind. Also
    /// replaces port 0, because each server needs the port of the other.
    ///
    /// # Errors
    /// One line that names the address and the flag.
    pub fn reserve(auth: SocketAddr, api: SocketAddr, tls: bool) -> Result<Self, String> {
        // Both listeners stay open until the end, or the system could choose the same port twice. If another program
        // takes a port before the servers listen on it, they report that.
        let auth = listen(auth, "--auth-addr")?;
        let api = listen(api, "--api-addr")?;
        match (auth.local_addr(), api.local_addr()) {
            (Ok(auth), Ok(api)) => Ok(Self { auth, api, tls }),
            (Err(error), _) | (_, Err(error)) => Err(format!("cannot find a free port: {error}")),
        }
    }

    /// The issuer: the URL that users open.
    pub fn auth_url(self) -> String {
        format!("{}://localhost:{}", self.scheme(), self.auth.port())
    }

    /// The URL of the API.
    pub fn api_url(self) -> String {
        format!("{}://localhost:{}", self.scheme(), self.api.port())
    }

    /// The URL of the key set, for the API.
    pub fn jwks_url(self) -> String {
        self.auth_by_ip("/.well-known/jwks.json")
    }

    /// The URL of the revocation feed, for the API.
    pub fn feed_url(self) -> String {
        self.auth_by_ip("/revocations")
    }

    /// By IP address, because `localhost` can resolve to another address family than the auth server listens on.
    fn auth_by_ip(self, path: &str) -> String {
        let mut auth = self.auth;
        if auth.ip().is_unspecified() {
            let localhost =
                if auth.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            auth.set_ip(localhost);
        }
        format!("{}://{auth}{path}", self.scheme())
    }

    fn scheme(self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {} is in use: stop the other program, or choose another port with {flag} ({flag} {} chooses a free one)",
            address.port(),
            SocketAddr::new(address.ip(), 0),
        ),
        kind => format!("cannot listen on {address}: {kind}; give another address with {flag}"),
    })
}
