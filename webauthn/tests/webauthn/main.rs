//! Every test of the verifier. `vectors` has the examples of the standard; the others use the software authenticator.

mod assertions;
mod cbor;
mod challenges;
mod fixture;
mod keys;
mod mutations;
mod options;
mod registrations;
mod vectors;
