use std::fmt;

pub const REUSE: &str = "reuse_detected";
pub const LOGGED_OUT: &str = "logged_out";

/// One call of one client, and its result.
#[derive(Clone, Debug)]
pub struct Operation {
    /// When it was sent, and when the client received the response or an error. Each run has its own clock, which advances at
    /// each of these events, so no two have the same time.
    pub invoked: u64,
    pub returned: u64,
    pub call: Call,
    pub seen: Seen,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// With the token of this generation, and an optional Idempotency-Key.
    Refresh {
        generation: u64,
        key: Option<u64>,
    },
    LogOut,
    /// The test reads the session's row.
    ReadRow,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// 200, with the token of this generation.
    Rotation(u64),
    /// 401, with this reason.
    Ended(String),
    /// 204
    LoggedOut,
    Row {
        generation: u64,
        ended: Option<String>,
    },
    /// 503
    Unavailable,
    /// The connection broke: the call may have been processed.
    NoResponse,
    /// The client closed the connection: the call may be processed at any time, or never.
    Abandoned,
    /// A result that no rule allows.
    Unexpected(String),
}

impl Operation {
    pub fn is_refresh(&self) -> bool {
        matches!(self.call, Call::Refresh { .. })
    }

    /// Whether the client does not know if it had an effect.
    pub fn has_no_response(&self) -> bool {
        matches!(self.seen, Seen::NoResponse | Seen::Abandoned)
    }

    /// Whether it ended before the other began.
    pub fn precedes(&self, other: &Self) -> bool {
        self.returned < other.invoked
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6}..{:<6} {:?} -> {:?}", self.invoked, self.returned, self.call, self.seen)
    }
}
