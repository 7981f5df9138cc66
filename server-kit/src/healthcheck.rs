//! The health check of a container image without curl: requests `/readyz` of a server on this machine.

mod unauthenticated;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use awc::error::SendRequestError;
use awc::{Client, Connector};
use serde::Deserialize;
use tokio::time;

/// Longer than a server waits for its database, so that the check receives the reason.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Far larger than a problem. Limits what another program on that port can send.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The problem of a server that is not ready.
#[derive(Deserialize)]
struct NotReady {
    detail: String,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

/// Requests `/readyz` of the server at this address, or at loopback for 0.0.0.0 and `[::]`. Returns one line. Over TLS, any
/// certificate will do: the address is on this machine, the certificate is for a public name, and the request contains no
/// secret.
///
/// # Errors
/// One line: there is no response, or not in time, or the server is not ready for a reason that it reports.
pub async fn check(bind_addr: SocketAddr, has_tls: bool) -> Result<String, String> {
    let address = SocketAddr::new(reachable(bind_addr.ip()), bind_addr.port());
    check_within(address, has_tls, TIMEOUT).await
}

async fn check_within(address: SocketAddr, has_tls: bool, timeout: Duration) -> Result<String, String> {
    let late = || format!("{address} did not respond within {timeout:?}");
    time::timeout(timeout, request(address, has_tls)).await.unwrap_or_else(|_| Err(late()))
}

async fn request(address: SocketAddr, has_tls: bool) -> Result<String, String> {
    let connector = if has_tls {
        Connector::new().rustls_0_23(Arc::new(unauthenticated::client_config()?))
    } else {
        Connector::new()
    };
    let client = Client::builder().connector(connector).disable_timeout().disable_redirects().finish();
    let scheme = if has_tls { "https" } else { "http" };
    let request = client.get(format!("{scheme}://{address}/readyz")).force_close();
    let mut response = request.send().await.map_err(|error| match error {
        SendRequestError::Connect(error) => format!("cannot connect to {address}: {error}"),
        error => format!("{address} sent no valid response: {error}"),
    })?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok("ready".to_owned());
    }
    let body = response.body().limit(MAX_BODY_BYTES).await.unwrap_or_default();
    let reason =
        serde_json::from_slice(&body).map_or_else(|_| format!("{address} responded {status}"), sentence);
    Err(format!("not ready: {reason}"))
}

/// Not every system can connect to the address that means all interfaces.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// The checks that failed, if the server names them. One line, because container tools list it in a table.
fn sentence(NotReady { detail, fields }: NotReady) -> String {
    let parts: Vec<_> = fields.iter().map(|(part, wrong)| format!("{part} {wrong}")).collect();
    let text = if parts.is_empty() { detail } else { parts.join(", ") };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use super::{check_within, reachable};

    #[test]
    fn the_address_of_all_interfaces_becomes_the_loopback_of_its_family() {
        for (bound, requested) in [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.7", "10.0.0.7")] {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), requested);
        }
    }

    #[actix_web::test]
    async fn a_server_that_does_not_respond_fails_the_check() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let result = check_within(address, false, Duration::from_millis(50)).await;
        assert_eq!(result, Err(format!("{address} did not respond within 50ms")));
    }
}
