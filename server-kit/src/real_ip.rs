//! The client's address, with reverse proxies in between.

mod breadth;
mod forwarded;

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue, X_FORWARDED_FOR};
use actix_web::{HttpRequest, web};
use ipnet::{IpNet, Ipv4Net};

pub use breadth::check_breadth;

/// An address, or a network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// The proxies whose headers are trusted. Any other client could send an address of its choice.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    /// Whether TLS ends at a proxy, as it does for an `https` issuer.
    is_proxy_expected: bool,
    warned_untrusted: AtomicBool,
    warned_disagreement: AtomicBool,
}

/// The address of the client: the peer of the connection or, if that is one of the app's [`TrustedProxies`] (`app_data`
/// in [`web::Data`]), the address in its headers. `None` on connections that are not TCP.
#[must_use]
pub fn client_ip(request: &HttpRequest) -> Option<IpAddr> {
    match request.app_data::<web::Data<TrustedProxies>>() {
        Some(proxies) => proxies.client(request),
        None => peer(request),
    }
}

impl TrustedProxies {
    /// From the setting `TRUSTED_PROXIES`.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self { networks, ..Self::default() }
    }

    /// Expects every request to come through a proxy if the issuer is an `https` URL and this server does not serve HTTPS.
    #[must_use]
    pub fn with_issuer(self, issuer: &str, has_tls: bool) -> Self {
        Self { is_proxy_expected: issuer.starts_with("https://") && !has_tls, ..self }
    }

    /// The first address from the right, in `X-Forwarded-For` or `Forwarded` (RFC 7239), that is not a trusted proxy.
    /// Each proxy appends its peer, so everything further left comes from the client and cannot be trusted.
    ///
    /// An invalid hop ends the search. The client is then the last trusted proxy before it.
    #[must_use]
    pub fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = peer(request)?;
        let headers = request.headers();
        let has = |name: &HeaderName| headers.contains_key(name);
        if !has(&X_FORWARDED_FOR) && !has(&FORWARDED) {
            return Some(peer);
        }
        if !self.contain(peer) {
            self.warn_untrusted(peer);
            return Some(peer);
        }
        let by_list =
            has(&X_FORWARDED_FOR).then(|| self.walk(peer, headers, &X_FORWARDED_FOR, forwarded::of_list));
        let by_standard =
            has(&FORWARDED).then(|| self.walk(peer, headers, &FORWARDED, forwarded::of_forwarded));
        match (by_list, by_standard) {
            // A proxy that writes one of the two passes the other on unchanged from the client.
            (Some(one), Some(other)) if one != other => {
                self.warn_disagreement(peer);
                Some(peer)
            }
            (Some(client), _) | (None, Some(client)) => Some(client),
            (None, None) => Some(peer),
        }
    }

    /// Whether one of these proxies sent the request, so that its other headers can be trusted too.
    #[must_use]
    pub fn sent(&self, request: &HttpRequest) -> bool {
        peer(request).is_some_and(|peer| self.contain(peer))
    }

    /// Whether this address is one of these proxies.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.0.contains(&address))
    }

    /// Several headers of one name are one list (RFC 9110 §5.3).
    fn walk<'a, H: Iterator<Item = Option<IpAddr>>>(
        &self,
        peer: IpAddr,
        headers: &'a HeaderMap,
        name: &HeaderName,
        hops: impl Fn(&'a [u8]) -> H,
    ) -> IpAddr {
        let lines: Vec<&[u8]> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
        let mut last = peer;
        for hop in lines.into_iter().rev().flat_map(hops) {
            match hop {
                None => return last,
                Some(address) if !self.contain(address) => return address,
                Some(proxy) => last = proxy,
            }
        }
        last
    }

    fn warn_untrusted(&self, peer: IpAddr) {
        if self.warned_untrusted.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.is_proxy_expected {
            log::error!(
                "TRUSTED_PROXIES does not contain {peer}, so its X-Forwarded-For and Forwarded are ignored. If {peer} is \
                 your reverse proxy, all its clients count as one address, and one of them can use up the attempts of \
                 all: set TRUSTED_PROXIES={peer} (logged once)"
            );
        } else {
            log::warn!(
                "ignoring X-Forwarded-For and Forwarded from {peer}, which is not in TRUSTED_PROXIES (logged once)"
            );
        }
    }

    fn warn_disagreement(&self, peer: IpAddr) {
        if !self.warned_disagreement.swap(true, Ordering::Relaxed) {
            log::warn!(
                "X-Forwarded-For and Forwarded from the proxy {peer} name different clients, so both are ignored: \
                 configure the proxy to remove the header that it does not set (logged once)"
            );
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let network: IpNet = text
            .parse()
            .map_err(|_| "give addresses or networks, such as 127.0.0.1 or 10.0.0.0/8".to_owned())?;
        let network = canonical(network);
        if network.prefix_len() == 0 {
            return Err(format!(
                "{text} trusts every client, so that each could choose its address: give the networks of your proxies"
            ));
        }
        if network.trunc() != network {
            // Probably a typing error, which would trust too many addresses.
            return Err(format!("{text} is not a network: give {} or {}", network.trunc(), network.addr()));
        }
        Ok(Self(network))
    }
}

/// Converts IPv4-mapped IPv6 networks to IPv4, so that both forms compare equal.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip().to_canonical())
}

#[cfg(test)]
mod tests;
