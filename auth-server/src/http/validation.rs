use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use shared_claims::{Code, Problem};
use webauthn::{AuthenticationResponse, Kind};

use crate::domain::factors::Answer;
use crate::domain::mail::Languages;
use crate::domain::proofs::Presented;
use crate::domain::sessions::Identifier;
use crate::model::{Delivery, DisplayName, Email, InvalidLocale, Locale, Username};

pub const UNKNOWN_MEMBER: &str = "is not a known member";

/// The members that a request with flattened parts does not have: the extractor does not see them. Flattened into the innermost
/// part, it contains those of the whole request.
#[derive(Deserialize)]
pub struct UnknownMembers(Map<String, Value>);

/// Collects what is wrong with the members of a request, so that a form can show all messages together.
#[derive(Default)]
pub struct Validation(BTreeMap<String, String>);

impl Validation {
    pub fn check(self) -> Result<(), Problem> {
        self.finish(Some(()))
    }

    /// Returns `parsed`, or `invalid_input` if a member is missing or invalid.
    pub fn finish<T>(self, parsed: Option<T>) -> Result<T, Problem> {
        let parsed = parsed.filter(|_| self.0.is_empty());
        parsed.ok_or_else(|| Problem::new(Code::InvalidInput).fields(self.0))
    }

    pub fn reject(&mut self, name: &str, message: impl Display) {
        self.0.insert(name.to_owned(), message.to_string());
    }

    pub fn reject_unknown(&mut self, members: UnknownMembers) {
        for (name, _) in members.0 {
            self.0.insert(name, UNKNOWN_MEMBER.to_owned());
        }
    }

    pub fn optional<V, T, E: Display>(
        &mut self,
        name: &str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, E>,
    ) -> Option<T> {
        parse(value?).map_err(|error| self.reject(name, error)).ok()
    }

    pub fn email(&mut self, text: Option<&str>) -> Option<Email> {
        if text.is_none() {
            self.reject("email", "is missing");
        }
        self.optional("email", text, Email::parse)
    }

    pub fn username(&mut self, text: Option<&str>) -> Option<Username> {
        self.optional("username", text, Username::parse)
    }

    pub fn display_name(&mut self, text: Option<&str>) -> Option<DisplayName> {
        self.optional("name", text, DisplayName::parse)
    }

    /// A language that mails can be written in.
    pub fn locale(&mut self, text: Option<&str>, languages: &Languages) -> Option<Locale> {
        let parse = |text: &str| {
            let locale: Locale = text.parse().map_err(|error: InvalidLocale| error.to_string())?;
            let unknown = || format!("is not one of the languages of mails: {}", languages.list());
            if languages.includes(&locale) { Ok(locale) } else { Err(unknown()) }
        };
        self.optional("locale", text, parse)
    }

    /// A required password. Whether a new password is strong enough is decided when it is hashed.
    pub fn password(&mut self, name: &str, password: Option<SecretString>) -> Option<SecretString> {
        match password {
            None => self.reject(name, "is missing"),
            Some(password) if password.expose_secret().is_empty() => self.reject(name, "must not be empty"),
            Some(password) if password.expose_secret().contains('\0') => {
                self.reject(name, "must not contain NUL");
            }
            Some(password) => return Some(password),
        }
        None
    }

    /// Exactly one of `email` and `username`.
    pub fn identifier(&mut self, email: Option<&str>, username: Option<&str>) -> Option<Identifier> {
        match (email, username) {
            (Some(_), Some(_)) => self.reject("username", "must not be combined with email"),
            (None, None) => self.reject("email", "is missing: send email or username"),
            (Some(_), None) => return self.email(email).map(Identifier::Email),
            (None, Some(_)) => return self.username(username).map(Identifier::Username),
        }
        None
    }

    pub fn required<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.reject(name, "is missing");
        }
        value
    }

    /// Either the token of a link, perhaps with the continuation, or a code with it.
    pub fn presented(
        &mut self,
        token: Option<SecretString>,
        continuation: Option<SecretString>,
        code: Option<SecretString>,
    ) -> Option<Presented> {
        match (token, continuation, code) {
            (Some(token), continuation, None) => return Some(Presented::Token { token, continuation }),
            (None, Some(continuation), Some(code)) => {
                let code = self.mailed_code("code", Some(code))?;
                return Some(Presented::Code { continuation, code });
            }
            (Some(_), _, Some(_)) => self.reject("token", "must not be combined with code"),
            (None, Some(_), None) => self.reject("code", "is missing"),
            (None, None, Some(_)) => self.reject("continuation", "is missing"),
            (None, None, None) => self.reject("token", "is missing: send token, or continuation and code"),
        }
        None
    }

    /// A code from a mail, if there is one.
    pub fn mailed_code(&mut self, field: &'static str, code: Option<SecretString>) -> Option<SecretString> {
        let digits = digits(&code?, 8..=8);
        if digits.is_none() {
            // Not an attempt: a digit was forgotten.
            self.reject(field, "must have 8 digits");
        }
        digits
    }

    /// An answer with a second factor, if there is one.
    pub fn answer(
        &mut self,
        code: Option<SecretString>,
        recovery_code: Option<SecretString>,
        passkey: Option<Map<String, Value>>,
    ) -> Option<Answer> {
        if let Some(passkey) = passkey {
            if code.is_some() || recovery_code.is_some() {
                self.reject("passkey", "must not be combined with code and recovery_code");
                return None;
            }
            let passkey: Option<AuthenticationResponse> = self.credential("passkey", Some(passkey));
            return passkey.map(|passkey| Answer::Passkey(passkey.into()));
        }
        match (code, recovery_code) {
            (Some(_), Some(_)) => self.reject("recovery_code", "must not be combined with code"),
            (Some(code), None) => match digits(&code, 6..=8) {
                Some(code) => return Some(Answer::Code(code)),
                None => self.reject("code", "must have 6 digits"),
            },
            (None, Some(code)) if Answer::is_recovery_code(&code) => return Some(Answer::RecoveryCode(code)),
            (None, Some(_)) => self.reject("recovery_code", "must have 16 letters and digits"),
            (None, None) => {}
        }
        None
    }

    /// The required kind of a new passkey.
    pub fn passkey_kind(&mut self, kind: Option<&str>) -> Option<Kind> {
        match self.required("kind", kind)? {
            "passkey" => return Some(Kind::Passkey),
            "security_key" => return Some(Kind::SecurityKey),
            _ => self.reject("kind", "must be passkey or security_key"),
        }
        None
    }

    /// What `PublicKeyCredential.toJSON()` returned. Members that this server does not know are ignored.
    pub fn credential<T: DeserializeOwned>(
        &mut self,
        name: &str,
        value: Option<Map<String, Value>>,
    ) -> Option<T> {
        let value = self.required(name, value)?;
        self.optional(name, Some(Value::Object(value)), serde_json::from_value)
    }

    /// The required code of an authenticator app.
    pub fn app_code(&mut self, code: Option<SecretString>) -> Option<SecretString> {
        let code = self.required("code", code)?;
        let digits = digits(&code, 6..=8);
        if digits.is_none() {
            self.reject("code", "must have 6 digits");
        }
        digits
    }

    pub fn delivery(&mut self, text: Option<&str>) -> Delivery {
        let parse = |text: &str| text.parse().map_err(|_| "must be refresh_cookie, both_cookies or body");
        self.optional("token_delivery", text, parse).unwrap_or_default()
    }
}

/// The digits of a code, without white space and hyphens, with which people group digits.
fn digits(code: &SecretString, length: RangeInclusive<usize>) -> Option<SecretString> {
    let is_separator = |c: char| c.is_whitespace() || c == '-';
    let digits: String = code.expose_secret().chars().filter(|c| !is_separator(*c)).collect();
    let is_complete = length.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_complete.then(|| digits.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use crate::http::validation::digits;

    #[test]
    fn a_code_has_8_digits_which_may_be_grouped() {
        for (typed, code) in [
            ("01234567", Some("01234567")),
            (" 0123 4567\n", Some("01234567")),
            ("0123-4567", Some("01234567")),
            ("0123456", None),
            ("012345678", None),
            ("0123456x", None),
            ("0123456٧", None),
            ("", None),
        ] {
            let found = digits(&typed.into(), 8..=8);
            assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), code, "{typed:?}");
        }
    }
}
