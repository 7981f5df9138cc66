//! Links and codes in mails: requesting them, the contents that the sender asks for, and redeeming them.
//!
//! A request runs the same statements for every address. Only the sender looks up whether a user has it.

mod contents;
mod inspection;
mod redemption;
mod request;

pub use contents::{Contents, Outcome, contents};
pub use inspection::{Need, inspect};
pub use redemption::{CheckedProof, Presented, ProofError, check};
pub use request::{Continuation, RequestError, Requested, issue, prepare, request, send_again};
