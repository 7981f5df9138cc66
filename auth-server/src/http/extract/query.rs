use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use shared_claims::{Code, Problem};
use url::form_urlencoded;
use utoipa::IntoParams;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, Schema};

use crate::http::Validation;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;

/// The query of a URL. No parameter may be duplicate or unknown: a misspelt filter must not show everything.
pub struct Query {
    parameters: BTreeMap<String, Vec<String>>,
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
        Self::read_with_lists(request, &[])
    }

    /// The same, but these parameters may be given several times.
    pub fn read_with_lists(request: &HttpRequest, lists: &[&str]) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            let is_list = lists.contains(&name.as_ref());
            let values = parameters.entry(name.into_owned()).or_default();
            values.push(value.into_owned());
            if values.len() > 1 && !is_list {
                return Err(
                    Problem::new(Code::MalformedRequest).detail("The query has a duplicate parameter.")
                );
            }
        }
        Ok(Self { parameters, validation: Validation::default() })
    }

    pub fn take<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let value = self.parameters.remove(name)?.pop()?;
        self.validation.optional(name, Some(value.as_str()), parse)
    }

    /// The values of a parameter that may be given several times.
    pub fn take_list<T, E: Display>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Vec<T> {
        let values = self.parameters.remove(name).unwrap_or_default();
        values
            .iter()
            .filter_map(|value| self.validation.optional(name, Some(value.as_str()), &parse))
            .collect()
    }

    pub fn limit(&mut self) -> i64 {
        let parse = |text: &str| {
            let number = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            number.ok_or_else(|| format!("must be a number from 1 to {MAX_LIMIT}"))
        };
        self.take("limit", parse).unwrap_or(DEFAULT_LIMIT)
    }

    pub fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    pub fn reject(&mut self, name: &str, message: &str) {
        self.validation.reject(name, message);
    }

    /// Call this last: what was not taken is unknown, which is `invalid_input` like a parameter that does not parse.
    pub fn check(mut self) -> Result<(), Problem> {
        for name in self.parameters.keys() {
            self.validation.reject(name, "is not a known parameter");
        }
        self.validation.check()
    }
}

pub fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    parsed.map_err(|_| "must be a time such as 2026-11-21T10:00:00Z")
}

/// In the form in which addresses are stored.
pub fn address(text: &str) -> Result<IpAddr, &'static str> {
    text.parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| "must be an IP address")
}

/// Describes an [`address`].
pub fn address_schema() -> Schema {
    let text = |format| {
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)))
    };
    OneOfBuilder::new().item(text(KnownFormat::Ipv4)).item(text(KnownFormat::Ipv6)).into()
}
