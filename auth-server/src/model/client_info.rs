use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Utc};

use crate::model::{DeviceToken, UserId};

/// What is known about the client of a request before authentication.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// `None` for operators and for maintenance.
    pub ip: Option<IpAddr>,
    /// Truncated. For display only.
    pub user_agent: Option<String>,
    /// Truncated.
    pub accept_language: Option<String>,
    /// Set by an earlier login on this device.
    pub device: Option<DeviceToken>,
    /// When the request arrived, before it waited for anything. `None` for operators and for maintenance.
    pub arrived_at: Option<DateTime<Utc>>,
    /// Who acts on another user's account. Part of every event.
    pub by: Option<Actor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Administrator(UserId),
    /// At the command line.
    Operator,
}

impl ClientInfo {
    /// For actions without a client, such as maintenance.
    pub fn none() -> Self {
        Self::default()
    }

    pub fn operator() -> Self {
        Self { by: Some(Actor::Operator), ..Self::default() }
    }

    pub fn address(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }
}

/// The form in events.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// The address by which attempts are counted. For IPv6 the /64 network: a client can use all of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientSubnet(IpAddr);

impl From<IpAddr> for ClientSubnet {
    fn from(address: IpAddr) -> Self {
        Self(prefix(address, 64))
    }
}

impl fmt::Display for ClientSubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}"),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

/// The network by which attempts are counted together. For IPv6 the /48: a provider often assigns one to a customer, who can
/// then use 65,536 subnets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl From<IpAddr> for ClientNetwork {
    fn from(address: IpAddr) -> Self {
        Self(prefix(address, 48))
    }
}

/// IPv4 addresses remain complete.
fn prefix(address: IpAddr, ipv6_bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - ipv6_bits))).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::model::{ClientNetwork, ClientSubnet};

    #[test]
    fn ipv6_addresses_of_one_network_count_as_one() {
        let of = |text: &str| ClientSubnet::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
        let network = |text: &str| ClientNetwork::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:2:2::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
