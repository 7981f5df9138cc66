//! Asks a server on this machine whether it can serve: what a container's health check runs, in an image without curl.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::http::StatusCode;
use awc::Client;
use awc::error::SendRequestError;
use serde::Deserialize;
use tokio::time;

/// Longer than a server waits for its database before it answers that it is not ready, so that the reason is heard.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A problem is far smaller; whatever else listens there is not worth more.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// What is said of a server that is not ready, as far as it is of use here.
#[derive(Deserialize)]
struct NotReady {
    detail: String,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

/// Asks `/readyz` of the server that listens at this address; 0.0.0.0 and `[::]` are asked on the loopback.
/// Returns one line.
///
/// # Errors
/// One line: nothing answers, or not in time, or the server is not ready and says why.
pub async fn ask(bind_addr: SocketAddr) -> Result<String, String> {
    let address = SocketAddr::new(reachable(bind_addr.ip()), bind_addr.port());
    ask_within(address, TIMEOUT).await
}

async fn ask_within(address: SocketAddr, timeout: Duration) -> Result<String, String> {
    let late = || format!("{address} did not answer within {timeout:?}");
    time::timeout(timeout, ask_untimed(address)).await.unwrap_or_else(|_| Err(late()))
}

async fn ask_untimed(address: SocketAddr) -> Result<String, String> {
    let client = Client::builder().disable_timeout().disable_redirects().finish();
    let request = client.get(format!("http://{address}/readyz")).force_close();
    let mut response = request.send().await.map_err(|error| match error {
        SendRequestError::Connect(error) => format!("nothing answers at {address}: {error}"),
        error => format!("{address} gave no answer: {error}"),
    })?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok("ready".to_owned());
    }
    let body = response.body().limit(MAX_BODY_BYTES).await.unwrap_or_default();
    let reason =
        serde_json::from_slice(&body).map_or_else(|_| format!("{address} answered {status}"), sentence);
    Err(format!("not ready: {reason}"))
}

/// An address that stands for all of this machine's cannot be connected to everywhere.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// The parts that fail, where they are named; on one line, since that is how tools list it.
fn sentence(NotReady { detail, fields }: NotReady) -> String {
    let parts: Vec<_> = fields.iter().map(|(part, wrong)| format!("{part} {wrong}")).collect();
    let text = if parts.is_empty() { detail } else { parts.join(", ") };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use super::{ask_within, reachable};

    #[test]
    fn an_address_of_all_interfaces_is_asked_on_the_loopback_of_its_kind() {
        for (bound, asked) in [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.7", "10.0.0.7")] {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), asked);
        }
    }

    #[actix_web::test]
    async fn a_server_that_never_answers_is_not_waited_for_without_end() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let answer = ask_within(address, Duration::from_millis(50)).await;
        assert_eq!(answer, Err(format!("{address} did not answer within 50ms")));
    }
}
