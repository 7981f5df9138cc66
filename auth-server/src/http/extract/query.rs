use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::HttpRequest;
use shared_claims::{Code, Problem};
use url::form_urlencoded;

/// How many items a page has where nobody asks for a number.
const DEFAULT_LIMIT: i64 = 50;
/// And at most.
const MAX_LIMIT: i64 = 200;

/// The query of a URL. Like the members of a body, no parameter may stand twice or be unknown: a filter that is misspelt
/// must not show everything.
pub struct Query {
    given: BTreeMap<String, String>,
    wrong: BTreeMap<String, String>,
}

impl Query {
    /// Reads it.
    ///
    /// # Errors
    /// `malformed_request` where a parameter stands twice.
    pub fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut given = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            if given.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Problem::new(Code::MalformedRequest).detail("A parameter stands twice."));
            }
        }
        Ok(Self { given, wrong: BTreeMap::new() })
    }

    /// A parameter that must parse where it is there.
    pub fn take<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match parse(&self.given.remove(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong.insert(name.to_owned(), error.to_string());
                None
            }
        }
    }

    /// `limit`: how many items the page has at most.
    pub fn limit(&mut self) -> i64 {
        let parse = |text: &str| {
            let number = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            number.ok_or_else(|| format!("must be a number from 1 to {MAX_LIMIT}"))
        };
        self.take("limit", parse).unwrap_or(DEFAULT_LIMIT)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `invalid_input`, with everything that is wrong or not known here.
    pub fn check(mut self) -> Result<(), Problem> {
        for name in self.given.into_keys() {
            self.wrong.insert(name, "is not known here".to_owned());
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(Problem::new(Code::InvalidInput).fields(self.wrong)) }
    }
}
