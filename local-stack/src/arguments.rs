use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use server_kit::settings::{Origins, origins};

const ABOUT: &str = "Both servers of Latchkey in one process, on SQLite, to try them out";
const EXAMPLES: &str = "\
Examples:
  Start, and print what to try:
    local-stack
  Use other ports and a temporary folder:
    local-stack --auth-addr 127.0.0.1:9080 --api-addr 127.0.0.1:9081 --data-dir /tmp/latchkey";

/// The command line of the program.
#[derive(Debug, Parser)]
#[command(name = "local-stack", version, max_term_width = 110, about = ABOUT, after_help = EXAMPLES)]
pub struct Arguments {
    /// Folder for the database and the secrets, created if missing
    #[arg(long, value_name = "FOLDER", default_value = "data", help_heading = "Database")]
    pub data_dir: PathBuf,

    /// Set a new password for the administrator, whose sessions end
    #[arg(long, help_heading = "Database")]
    pub new_password: bool,

    /// Create no administrator, and print a link that creates the first one in the browser
    #[arg(long, conflicts_with = "new_password", help_heading = "Database")]
    pub setup_link: bool,

    /// Listen address of the auth server; port 0 chooses a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = address)]
    #[arg(help_heading = "Network")]
    pub auth_addr: SocketAddr,

    /// Listen address of the API; port 0 chooses a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", value_parser = address)]
    #[arg(help_heading = "Network")]
    pub api_addr: SocketAddr,

    /// Serve HTTPS, with a certificate for this machine
    #[arg(long, help_heading = "Network")]
    pub tls: bool,

    /// Further origin whose pages may call both servers, besides those on localhost; can be repeated
    #[arg(long, value_name = "ORIGIN", value_parser = origins, help_heading = "Cookies and origins")]
    pub allow_origin: Vec<Origins>,
}

impl Arguments {
    /// The origins of all `--allow-origin`, as one list.
    pub fn allowed_origins(&self) -> String {
        let all: Vec<&str> = self.allow_origin.iter().flat_map(Origins::listed).map(String::as_str).collect();
        all.join(",")
    }
}

/// Plain HTTP, cookies without `Secure` and an issuer on `localhost` require that `localhost` leads here. 0.0.0.0 is for
/// containers with published ports.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address: Option<SocketAddr> = text.parse().ok();
    address.filter(|address| is_localhost(address.ip())).ok_or_else(|| {
        "give 127.0.0.1, [::1] or 0.0.0.0 and a port, such as 127.0.0.1:8080: this program is for one machine"
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
    fn only_addresses_that_localhost_reaches_are_accepted() {
        for valid in ["127.0.0.1:8080", "127.0.0.1:0", "[::1]:8080", "0.0.0.0:8080", "[::]:8080"] {
            assert!(address(valid).is_ok(), "{valid}");
        }
        for invalid in ["8080", "localhost", "127.0.0.2:8080", "192.168.1.5:8080", "127.0.0.1:80800", ""] {
            assert!(address(invalid).is_err(), "{invalid}");
        }
    }
}
