use std::collections::BTreeMap;
use std::fmt::Display;

use secrecy::{ExposeSecret, SecretString};
use shared_claims::{Code, Problem};

use crate::domain::passwords::verification::Identifier;
use crate::model::{Delivery, DisplayName, Email, Username};

/// Collects everything that is wrong with the members of a request, so that a form can show it all at once.
#[derive(Default)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Ends the reading: nothing may be wrong.
    pub fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::new(Code::InvalidInput).fields(self.0)) }
    }

    /// Ends the reading where something that is needed is not there.
    pub fn problem(self) -> Problem {
        Problem::new(Code::InvalidInput).fields(self.0)
    }

    /// A member that must be there and must parse.
    pub fn needed<T, E: Display>(
        &mut self,
        name: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_none() {
            self.wrong(name, "is missing");
        }
        self.optional(name, text, parse)
    }

    /// A member that must parse where it is there.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.value(name, text, parse)
    }

    /// A member that is no text, likewise.
    pub fn value<V, T, E: Display>(
        &mut self,
        name: &str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, E>,
    ) -> Option<T> {
        match parse(value?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(name, error);
                None
            }
        }
    }

    /// `email`, needed.
    pub fn email(&mut self, text: Option<&str>) -> Option<Email> {
        self.needed("email", text, Email::parse)
    }

    /// `username`, where given.
    pub fn username(&mut self, text: Option<&str>) -> Option<Username> {
        self.optional("username", text, Username::parse)
    }

    /// `name`, where given.
    pub fn display_name(&mut self, text: Option<&str>) -> Option<DisplayName> {
        self.optional("name", text, DisplayName::parse)
    }

    /// A password as typed. Not judged here: only a new one must be strong.
    pub fn password(&mut self, name: &str, password: Option<SecretString>) -> Option<SecretString> {
        match password {
            None => self.wrong(name, "is missing"),
            Some(password) if password.expose_secret().is_empty() => {
                self.wrong(name, "must not be empty");
            }
            Some(password) if password.expose_secret().contains('\0') => {
                self.wrong(name, "must not contain NUL");
            }
            Some(password) => return Some(password),
        }
        None
    }

    /// Exactly one of `email` and `username`.
    pub fn identifier(&mut self, email: Option<&str>, username: Option<&str>) -> Option<Identifier> {
        match (email, username) {
            (Some(_), Some(_)) => self.wrong("username", "must not stand beside email"),
            (None, None) => self.wrong("email", "is missing, and so is username"),
            (Some(_), None) => return self.email(email).map(Identifier::Email),
            (None, Some(_)) => return self.username(username).map(Identifier::Username),
        }
        None
    }

    /// `token_delivery`, or the default.
    pub fn delivery(&mut self, text: Option<&str>) -> Delivery {
        let parse = |text: &str| text.parse().map_err(|_| "must be refresh_cookie, both_cookies or body");
        self.optional("token_delivery", text, parse).unwrap_or_default()
    }

    fn wrong(&mut self, name: &str, message: impl Display) {
        self.0.insert(name.to_owned(), message.to_string());
    }
}
