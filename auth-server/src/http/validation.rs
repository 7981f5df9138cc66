use std::collections::BTreeMap;
use std::fmt::Display;

use secrecy::{ExposeSecret, SecretString};
use shared_claims::{Code, Problem};

use crate::domain::sessions::Identifier;
use crate::model::{Delivery, DisplayName, Email, Username};

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

    pub fn delivery(&mut self, text: Option<&str>) -> Delivery {
        let parse = |text: &str| text.parse().map_err(|_| "must be refresh_cookie, both_cookies or body");
        self.optional("token_delivery", text, parse).unwrap_or_default()
    }
}
