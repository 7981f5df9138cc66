use ipnet::IpNet;

use super::Network;

/// No operator has proxies in more of the public internet than this.
const MIN_PREFIX_V4: u8 = 8;
const MIN_PREFIX_V6: u8 = 16;
/// Private networks: loopback, RFC 1918, RFC 6598, link-local, RFC 4193.
const PRIVATE: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// Checks that the networks together do not cover a large part of the internet: its clients could choose their addresses.
///
/// # Errors
/// One line that names the setting and the range.
pub fn check_breadth(networks: &[Network]) -> Result<(), String> {
    let public: Vec<IpNet> =
        networks.iter().map(|network| network.0).filter(|network| !is_private(network)).collect();
    let too_broad = IpNet::aggregate(&public).into_iter().find(|network| {
        let min = if matches!(network, IpNet::V4(_)) { MIN_PREFIX_V4 } else { MIN_PREFIX_V6 };
        network.prefix_len() < min
    });
    match too_broad {
        None => Ok(()),
        Some(network) => Err(format!(
            "TRUSTED_PROXIES covers {network}, whose clients could then choose their addresses: give only the networks of \
             your proxies"
        )),
    }
}

fn is_private(network: &IpNet) -> bool {
    PRIVATE.iter().any(|private| private.parse().is_ok_and(|private: IpNet| private.contains(network)))
}

#[cfg(test)]
mod tests {
    use super::check_breadth;

    #[test]
    fn networks_that_together_cover_the_internet_are_rejected() {
        let check = |list: &str| {
            let networks: Vec<_> = list.split(',').map(|one| one.parse().expect("a network")).collect();
            check_breadth(&networks)
        };
        for list in [
            "127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,fe80::/10",
            "10.0.0.0/8,11.0.0.0/8",
            "104.16.0.0/13,172.64.0.0/13,2400:cb00::/32,2a06:98c0::/29",
            "2600:1900::/28,130.211.0.0/22",
        ] {
            assert_eq!(check(list), Ok(()), "{list}");
        }
        for list in [
            "0.0.0.0/1,128.0.0.0/1",
            "0.0.0.0/1",
            "::/1,8000::/1",
            "2000::/3",
            "0.0.0.0/2,64.0.0.0/2,128.0.0.0/2,192.0.0.0/2",
            "127.0.0.1,8.0.0.0/9,8.128.0.0/9,9.0.0.0/8",
            "2000::/16,2001::/16",
        ] {
            assert!(check(list).expect_err(list).starts_with("TRUSTED_PROXIES covers "), "{list}");
        }
    }
}
