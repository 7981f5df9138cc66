use std::fmt;
use std::str::FromStr;

use shared_claims::Acr;

use crate::model::ImpossibleValue;

/// How the user logged in, as in the claim `amr`. Kept as it was stored: a newer server may know more methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amr(Vec<String>);

impl Amr {
    /// Entered the password, or chose it at the registration.
    pub fn password() -> Self {
        Self::of("pwd")
    }

    /// Used the code or the link in a mail, without the password. RFC 8176 has no value for it.
    pub fn email() -> Self {
        Self::of("email")
    }

    /// Used a sign-in link, which only programs that host the server issue. RFC 8176 has no value for it.
    pub fn sign_in_link() -> Self {
        Self::of("link")
    }

    /// Used a passkey alone, whose authenticator verified the user.
    pub fn passkey() -> Self {
        Self(Vec::new()).with_passkey()
    }

    fn of(method: &str) -> Self {
        Self(vec![method.to_owned()])
    }

    /// The same, and a second factor: a code of an app or a recovery code.
    pub fn with_code(self) -> Self {
        self.with(&["otp", "mfa"])
    }

    /// The same, and a passkey or security key.
    pub fn with_passkey(self) -> Self {
        self.with(&["pop", "user", "mfa"])
    }

    fn with(mut self, methods: &[&str]) -> Self {
        for method in methods {
            if !self.0.iter().any(|own| own == method) {
                self.0.push((*method).to_owned());
            }
        }
        self
    }

    pub fn methods(&self) -> &[String] {
        &self.0
    }

    /// How strong the login was. `mfa` stands for several factors, and `pop` for a key that no phishing site can use.
    pub fn acr(&self) -> Acr {
        let has = |method| self.0.iter().any(|one| one == method);
        match (has("mfa"), has("pop")) {
            (false, _) => Acr::OneFactor,
            (true, false) => Acr::Mfa,
            (true, true) => Acr::PhishingResistant,
        }
    }
}

impl From<Vec<String>> for Amr {
    fn from(methods: Vec<String>) -> Self {
        Self(methods)
    }
}

/// As it is stored: a JSON array.
impl fmt::Display for Amr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", serde_json::json!(self.0))
    }
}

impl FromStr for Amr {
    type Err = ImpossibleValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self).map_err(|_| ImpossibleValue { column: "sessions.amr" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acr_follows_from_amr() {
        for (amr, acr) in [
            (r#"["pwd"]"#, "1fa"),
            (r#"["email"]"#, "1fa"),
            (r#"["link"]"#, "1fa"),
            ("[]", "1fa"),
            (r#"["pwd","pop"]"#, "1fa"),
            (r#"["pwd","otp","mfa"]"#, "mfa"),
            (r#"["email","otp","mfa"]"#, "mfa"),
            (r#"["pwd","pop","user","mfa"]"#, "phr"),
            (r#"["pop","user","mfa"]"#, "phr"),
        ] {
            let stored: Amr = amr.parse().expect(amr);
            assert_eq!(stored.acr().as_str(), acr, "{amr}");
            assert_eq!(stored.to_string(), amr);
        }
        for damaged in ["", "pwd", "null", r#"{"pwd":1}"#, "[1]"] {
            assert!(damaged.parse::<Amr>().is_err(), "{damaged}");
        }
    }
}
