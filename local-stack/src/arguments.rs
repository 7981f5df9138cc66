use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;

/// Latchkey to try out: the auth server and an API that believes its tokens, in one process, on SQLite.
#[derive(Debug, Parser)]
#[command(name = "local-stack", version, max_term_width = 110)]
pub struct Arguments {
    /// Folder of the database and the secrets; made where it is missing
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    pub data_dir: PathBuf,

    /// Where the auth server listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = address)]
    pub auth_addr: SocketAddr,

    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", value_parser = address)]
    pub api_addr: SocketAddr,
}

/// Plain http, cookies without Secure and an issuer on `localhost` make sense only where `localhost` leads here.
/// 0.0.0.0 is for containers, whose ports are passed on.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address: Option<SocketAddr> = text.parse().ok();
    address.filter(|address| is_localhost(address.ip())).ok_or_else(|| {
        "give 127.0.0.1, [::1] or 0.0.0.0, and a port, such as 127.0.0.1:8080: it is for this machine only"
            .to_owned()
    })
}

fn is_localhost(ip: IpAddr) -> bool {
    ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn only_addresses_that_localhost_leads_to_are_taken() {
        for right in ["127.0.0.1:8080", "127.0.0.1:0", "[::1]:8080", "0.0.0.0:8080", "[::]:8080"] {
            assert!(address(right).is_ok(), "{right}");
        }
        for wrong in ["8080", "localhost", "127.0.0.2:8080", "192.168.1.5:8080", "127.0.0.1:80800", ""] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
