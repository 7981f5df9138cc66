use std::net::IpAddr;

use super::DeviceToken;

/// Who asks, as far as can be told before anybody has proved anything.
#[derive(Clone, Debug, Default)]
pub struct Requester {
    /// The address of the client; none where an operator asks, or the server itself.
    pub ip: Option<IpAddr>,
    /// What it says to be: cut to size, shown to people, believed by nobody.
    pub user_agent: Option<String>,
    /// What an earlier login from this device left there.
    pub device: Option<DeviceToken>,
}

impl Requester {
    /// Nobody from outside: an operator at the command line, or housekeeping.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}
