use std::fmt;
use std::net::IpAddr;

use crate::model::{DeviceToken, UserId};

/// Who asks, as far as can be told before anybody has proved anything.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// The address of the client; none where an operator asks, or the server itself.
    pub ip: Option<IpAddr>,
    /// What it says to be: cut to size, shown to people, believed by nobody.
    pub user_agent: Option<String>,
    /// What an earlier login from this device left there.
    pub device: Option<DeviceToken>,
    /// Who acts where it is not the person whom it concerns: it stands in every event.
    pub by: Option<Actor>,
}

/// Who acts on other people's accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person with the role for it.
    Administrator(UserId),
    /// Whoever can run commands beside the server.
    Operator,
}

impl ClientInfo {
    /// Nobody from outside: housekeeping.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// An operator at the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self { by: Some(Actor::Operator), ..Self::default() }
    }

    /// The address as it is stored and shown.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }
}

/// As events have it.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
        }
    }
}
