//! Where a request comes from, if there are proxies in between.

mod forwarded;

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue, X_FORWARDED_FOR};
use actix_web::{HttpRequest, web};
use ipnet::{IpNet, Ipv4Net};

/// An address, or a network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// The proxies whose word on a client's address is believed. Everybody else could write what they like.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    warned_of_stranger: AtomicBool,
    warned_of_disagreement: AtomicBool,
}

/// The client of a request: the address at the other end of the connection, unless that is one of the app's
/// [`TrustedProxies`] (as `app_data` in [`web::Data`]), which then tells. None on connections that are not TCP.
#[must_use]
pub fn client_ip(request: &HttpRequest) -> Option<IpAddr> {
    match request.app_data::<web::Data<TrustedProxies>>() {
        Some(proxies) => proxies.client(request),
        None => peer(request),
    }
}

impl TrustedProxies {
    /// By the setting `TRUSTED_PROXIES`.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self { networks, ..Self::default() }
    }

    /// The first address from the right, in `X-Forwarded-For` or `Forwarded` (RFC 7239), that is none of ours: each proxy
    /// appends whom it was asked by, so whatever stands further left was written by the client or by strangers.
    ///
    /// A hop that cannot be read ends the walk: then the client is the last of our proxies before it.
    #[must_use]
    pub fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = peer(request)?;
        let headers = request.headers();
        let given = |name: &HeaderName| headers.contains_key(name);
        if !given(&X_FORWARDED_FOR) && !given(&FORWARDED) {
            return Some(peer);
        }
        if !self.contain(peer) {
            self.warn_of_stranger(peer);
            return Some(peer);
        }
        let by_list =
            given(&X_FORWARDED_FOR).then(|| self.walk(peer, headers, &X_FORWARDED_FOR, forwarded::of_list));
        let by_standard =
            given(&FORWARDED).then(|| self.walk(peer, headers, &FORWARDED, forwarded::of_forwarded));
        match (by_list, by_standard) {
            // A proxy that manages one of the two passes the other on as the client wrote it.
            (Some(one), Some(other)) if one != other => {
                self.warn_of_disagreement(peer);
                Some(peer)
            }
            (Some(client), _) | (None, Some(client)) => Some(client),
            (None, None) => Some(peer),
        }
    }

    /// Whether the request was passed on by one of these proxies, whose other headers may be believed too.
    #[must_use]
    pub fn sent(&self, request: &HttpRequest) -> bool {
        peer(request).is_some_and(|peer| self.contain(peer))
    }

    fn contain(&self, address: IpAddr) -> bool {
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

    fn warn_of_stranger(&self, peer: IpAddr) {
        if !self.warned_of_stranger.swap(true, Ordering::Relaxed) {
            log::warn!(
                "{peer} sends X-Forwarded-For or Forwarded and is not in TRUSTED_PROXIES: ignored, now and from whoever else is not"
            );
        }
    }

    fn warn_of_disagreement(&self, peer: IpAddr) {
        if !self.warned_of_disagreement.swap(true, Ordering::Relaxed) {
            log::warn!(
                "the proxy {peer} passes on an X-Forwarded-For and a Forwarded that name different clients, and neither is believed: \
                 have it remove the one that it does not write itself"
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
                "{text} is everybody, who could then each choose an address: name your proxies"
            ));
        }
        if network.trunc() != network {
            // It may be a slip, and it would trust more than was meant.
            return Err(format!("{text} is not a network: give {} or {}", network.trunc(), network.addr()));
        }
        Ok(Self(network))
    }
}

/// IPv4 in the clothes of IPv6 is compared as IPv4.
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
