use clap::ValueEnum;

/// Whether users prove that their e-mail address is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmailVerification {
    /// No mail after a registration
    Off,
    /// A mail after the registration; users can log in without the proof
    Optional,
    /// Only users with a proved address exist and can log in
    Required,
}
