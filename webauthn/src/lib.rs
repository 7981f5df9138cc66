//! Verifies registrations and assertions of WebAuthn Level 3, for relying parties without stored ceremonies.
//!
//! The crate has no HTTP, no database and no clock: callers pass in the time, the keys and the stored credential. A
//! ceremony has three steps:
//!
//! 1. [`Challenges::issue`] makes a challenge that proves itself, and [`CreationOptions`] or [`RequestOptions`] carry it
//!    to the browser.
//! 2. The browser returns a [`RegistrationResponse`] or an [`AuthenticationResponse`].
//! 3. [`RegistrationResponse::verify`] returns the [`Registration`] to store. [`AuthenticationResponse::check`] returns
//!    the credential id to look up, and [`PresentedAssertion::verify`] the [`Assertion`].
//!
//! Callers must record the challenges that succeeded, because a challenge verifies until it expires.
//!
//! # What is accepted
//!
//! Signatures by ES256 (P-256), EdDSA (Ed25519) and RS256 (2048 to 4096 bits). Attestation `none`, and `packed` self
//! attestation, whose signature is verified. Everything else is refused: other formats prove the maker of a device only
//! to those who keep a list of makers. Cross-origin ceremonies are refused.
//!
//! # Why not a library
//!
//! The verifier is this crate on aws-lc-rs. The alternatives were tried with the versions of July 2026:
//!
//! - webauthn-rs 0.6 is the best known. Its licence is MPL-2.0, and it adds 68 crates, among them a release candidate of
//!   `rsa` with an open advisory (RUSTSEC-2023-0071). It makes its own challenges and keeps the state of a ceremony,
//!   which must be stored between two requests and is serialised behind a feature named `danger`. Our challenges are
//!   stateless, so that unauthenticated requests write nothing.
//! - `webauthn_rp` 0.3 is thorough and has our licence, but also depends on `rsa`.
//!
//! CBOR is decoded by [`cbor`]: the subset of CTAP2's canonical form that authenticators send. General decoders such as
//! ciborium accept duplicate keys, indefinite lengths, trailing bytes and longer encodings of the same number, so that a
//! wrapper to refuse these would be longer than the decoder. A fuzzed property compares the two.

pub mod assertion;
pub mod attestation;
pub mod authenticator_data;
mod base64url;
pub mod cbor;
mod challenge;
mod client_data;
pub mod cose;
mod error;
mod options;
pub mod registration;
mod relying_party;

pub use assertion::{Assertion, AuthenticationResponse, Counter, PresentedAssertion, StoredCredential, Use};
pub use base64url::Base64Url;
pub use challenge::{CHALLENGE_BYTES, CHALLENGE_SECONDS, Challenges, Purpose};
pub use cose::Algorithm;
pub use error::Error;
pub use options::{CreationOptions, CredentialDescriptor, Kind, RequestOptions, User, UserVerification};
pub use registration::{Registration, RegistrationResponse};
pub use relying_party::RelyingParty;

/// The longest credential id (WebAuthn Level 3 §4, "credential ID").
pub const MAX_CREDENTIAL_ID_BYTES: usize = 1023;
/// The shortest credential id (WebAuthn Level 3 §4): shorter ids would collide, and could be guessed.
pub const MIN_CREDENTIAL_ID_BYTES: usize = 16;
