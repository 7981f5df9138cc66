use std::fmt;

pub const REUSE: &str = "reuse_detected";
pub const LOGGED_OUT: &str = "logged_out";

/// One call of one client, and what came back.
#[derive(Clone, Debug)]
pub struct Operation {
    /// When it was sent, and when the client had its answer or knew that none would come. Every run counts its own
    /// time, one further at each of these events, so no two are at once.
    pub invoked: u64,
    pub returned: u64,
    pub call: Call,
    pub seen: Seen,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// With the token of this generation, and an Idempotency-Key or none.
    Refresh {
        generation: u64,
        key: Option<u64>,
    },
    LogOut,
    /// The test itself looks at the session's row.
    Look,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// 200, with the successor of this generation.
    Rotation(u64),
    /// 401, with this reason.
    Over(String),
    /// 204
    LoggedOut,
    Row {
        generation: u64,
        ended: Option<String>,
    },
    /// 503
    Unavailable,
    /// The connection broke: it may have happened or not.
    Nothing,
    /// What no rule allows.
    Strange(String),
}

impl Operation {
    pub fn is_refresh(&self) -> bool {
        matches!(self.call, Call::Refresh { .. })
    }

    /// Whether it was over before the other began.
    pub fn precedes(&self, other: &Self) -> bool {
        self.returned < other.invoked
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6}..{:<6} {:?} -> {:?}", self.invoked, self.returned, self.call, self.seen)
    }
}
