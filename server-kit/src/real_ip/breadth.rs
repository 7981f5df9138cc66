use ipnet::IpNet;

use super::Network;

/// No operator has proxies in more of the public internet than this.
const MIN_PREFIX_V4: i32 = 8;
const MIN_PREFIX_V6: i32 = 16;
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

/// Checks that the networks together do not cover a large part of the internet, in one piece or in many: its clients could
/// choose their addresses.
///
/// # Errors
/// One line that names the setting and the range.
pub fn check_breadth(networks: &[Network]) -> Result<(), String> {
    let public: Vec<IpNet> =
        networks.iter().map(|network| network.0).filter(|network| !is_private(network)).collect();
    // Aggregated, so that no address counts twice.
    let (v4, v6): (Vec<IpNet>, Vec<IpNet>) =
        IpNet::aggregate(&public).into_iter().partition(|network| matches!(network, IpNet::V4(_)));
    for (version, networks, min_prefix) in [("IPv4", v4, MIN_PREFIX_V4), ("IPv6", v6, MIN_PREFIX_V6)] {
        if share(&networks) > 0.5_f64.powi(min_prefix) {
            let broadest = networks.iter().min_by_key(|network| network.prefix_len());
            return Err(format!(
                "TRUSTED_PROXIES covers {}, in all more than a /{min_prefix} of the public {version} internet, whose clients \
                 could then choose their addresses: give only the networks of your proxies",
                broadest.map_or_else(String::new, IpNet::to_string)
            ));
        }
    }
    Ok(())
}

/// The part of all addresses that is in these networks.
fn share(networks: &[IpNet]) -> f64 {
    networks.iter().map(|network| 0.5_f64.powi(network.prefix_len().into())).sum()
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
            "11.0.0.0/8,11.1.0.0/16,2600::/16",
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
            "1.0.0.0/8,3.0.0.0/8",
            "11.0.0.0/8,203.0.113.7",
            "2400::/16,2600::/16,2800::/16",
        ] {
            assert!(check(list).expect_err(list).starts_with("TRUSTED_PROXIES covers "), "{list}");
        }
    }
}
