use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::HttpRequest;
use shared_claims::{Code, Problem};
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::http::Validation;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;

/// The query of a URL. No parameter may be duplicate or unknown: a misspelt filter must not show everything.
pub struct Query {
    parameters: BTreeMap<String, String>,
    validation: Validation,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct PageQuery {
    /// Maximum number of items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

impl Query {
    /// A duplicate parameter is a `malformed_request`.
    pub fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(
                    Problem::new(Code::MalformedRequest).detail("The query has a duplicate parameter.")
                );
            }
        }
        Ok(Self { parameters, validation: Validation::default() })
    }

    pub fn take<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let value = self.parameters.remove(name)?;
        self.validation.optional(name, Some(value.as_str()), parse)
    }

    pub fn limit(&mut self) -> i64 {
        let parse = |text: &str| {
            let number = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            number.ok_or_else(|| format!("must be a number from 1 to {MAX_LIMIT}"))
        };
        self.take("limit", parse).unwrap_or(DEFAULT_LIMIT)
    }

    /// Call this last: what was not taken is unknown, which is `invalid_input` like a parameter that does not parse.
    pub fn check(mut self) -> Result<(), Problem> {
        for name in self.parameters.keys() {
            self.validation.reject(name, "is not a known parameter");
        }
        self.validation.check()
    }
}
