//! Links and codes in mails: requesting them, the contents that the sender asks for, and redeeming them.
//!
//! A request costs the same statements for an address that a user has and for any other: only the sender looks.

mod contents;
mod inspection;
mod redemption;
mod request;

pub use contents::{Contents, Outcome, contents};
pub use inspection::{Need, inspect};
pub use redemption::{CheckedProof, Presented, ProofError, check};
pub use request::{Continuation, RequestError, Requested, issue, prepare, request, send_again};
