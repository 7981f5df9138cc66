//! Adds errors and common headers to the operations of an OpenAPI document, and serves it.

use std::sync::OnceLock;

use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};
use shared_claims::Code;
use shared_claims::http::problem::MEDIA_TYPE;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{
    Content, HeaderBuilder, Object, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
    Server,
};

use crate::etag::json_with_etag;
use crate::page_files::{accepts_gzip, encoded_tag, gzip};

/// The document of a server. It is built at the first request for it, because that takes longer than any response.
#[derive(Debug, Default)]
pub struct ApiDocument(OnceLock<Json>);

#[derive(Debug)]
struct Json {
    plain: Bytes,
    compressed: Bytes,
    tag: String,
}

impl ApiDocument {
    /// Responds with the document, which `build` returns.
    pub fn respond(&self, request: &HttpRequest, build: impl FnOnce() -> OpenApi) -> HttpResponse {
        let Json { plain, compressed, tag } = self.0.get_or_init(|| {
            // A tree of strings cannot fail to serialise.
            let json = build().to_json().unwrap_or_default();
            let tag = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, json.as_bytes()));
            Json { compressed: gzip(json.as_bytes()).into(), plain: json.into(), tag }
        });
        let is_compressed = accepts_gzip(request);
        let body = if is_compressed { compressed } else { plain };
        let mut response = json_with_etag(request, &encoded_tag(tag.clone(), is_compressed), body.clone());
        response.headers_mut().insert(VARY, ACCEPT_ENCODING.into());
        if is_compressed && response.status() == StatusCode::OK {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// All operations of a document, each with its path and method.
pub fn operations(document: &mut OpenApi) -> impl Iterator<Item = (&str, Method, &mut Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
        let all = [
            (Method::GET, get),
            (Method::PUT, put),
            (Method::POST, post),
            (Method::DELETE, delete),
            (Method::OPTIONS, options),
            (Method::HEAD, head),
            (Method::PATCH, patch),
            (Method::TRACE, trace),
        ];
        all.into_iter().filter_map(|(method, call)| call.as_mut().map(|call| (path.as_str(), method, call)))
    })
}

/// Completes the document: names the server, marks calls without security as public, and adds examples.
pub fn complete(document: &mut OpenApi, server_url: &str, examples: &str) {
    document.servers = Some(vec![Server::new(server_url)]);
    for (_, _, call) in operations(document) {
        call.security.get_or_insert_default();
    }
    add_examples(document, examples);
}

/// Adds examples to the bodies of requests and responses: one for each code of a problem, and one for other JSON. `examples` is a JSON object with an example for each name of
/// a schema, or for an operation whose response has no schema with a name.
fn add_examples(document: &mut OpenApi, examples: &str) {
    let examples: Map<String, Value> = serde_json::from_str(examples).unwrap_or_default();
    for (_, _, call) in operations(document) {
        let id = call.operation_id.clone().unwrap_or_default();
        let find = |schema: &RefOr<Schema>| examples.get(name_of(schema).unwrap_or(&id)).cloned();
        if let Some(RefOr::T(request)) = &mut call.request_body {
            request.content.values_mut().for_each(|content| add_example(content, find));
        }
        for (status, response) in &mut call.responses.responses {
            let RefOr::T(response) = response else { continue };
            if let Some(content) = response.content.get_mut("application/json") {
                add_example(content, find);
            }
            if let Some(RefOr::T(content)) = response.content.get_mut(MEDIA_TYPE) {
                add_problem_examples(content, status, &response.description);
            }
        }
    }
}

fn add_example(content: &mut RefOr<Content>, find: impl Fn(&RefOr<Schema>) -> Option<Value>) {
    if let RefOr::T(content) = content {
        content.example = content.schema.as_ref().and_then(find);
    }
}

/// One for each code that the description of the response names.
fn add_problem_examples(content: &mut Content, status: &str, description: &str) {
    for code in Code::ALL.iter().filter(|code| code.status().as_str() == status) {
        if description.contains(&format!("`{}`", code.as_str())) {
            let example = ExampleBuilder::new().value(Some(example(*code))).build();
            content.examples.insert(code.as_str().to_owned(), RefOr::T(example));
        }
    }
}

/// The name of a schema. An optional body has the alternative `null`.
fn name_of(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(Ref { ref_location, .. }) => ref_location.rsplit('/').next(),
        RefOr::T(Schema::OneOf(this_or_null)) => this_or_null.items.iter().find_map(name_of),
        RefOr::T(_) => None,
    }
}

/// Adds a problem to the responses of an operation, beside others with the same status. `when` can be empty.
pub fn add_problem(call: &mut Operation, code: Code, when: &str) {
    let status = code.status().as_str().to_owned();
    let empty = || {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new().content(MEDIA_TYPE, problem);
        RefOr::T(response.build())
    };
    let RefOr::T(response) = call.responses.responses.entry(status).or_insert_with(empty) else { return };
    let name = format!("`{}`", code.as_str());
    if response.description.contains(&name) {
        return;
    }
    if !response.description.is_empty() {
        response.description.push_str("; ");
    }
    response.description.push_str(&name);
    if !when.is_empty() {
        response.description.push_str(": ");
        response.description.push_str(when);
    }
}

/// The body of a problem with this code, with the members that depend on it.
fn example(code: Code) -> Value {
    let mut body = json!({
        "type": format!("/docs/errors#{}", code.as_str()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": format!("{}.", code.title()),
        "code": code.as_str(),
    });
    match code {
        Code::SessionEnded => body["reason"] = "expired".into(),
        Code::InvalidInput => body["fields"] = json!({"name": "is too long"}),
        Code::TooManyRequests | Code::Unavailable => body["retry_after"] = 1.into(),
        Code::StrongerLoginRequired => body["acr_values"] = json!(["mfa"]),
        Code::FreshLoginRequired => body["max_age"] = 300.into(),
        _ => {}
    }
    body
}

/// Adds `X-Request-Id` to all responses, `Retry-After` to 429 and 503 and, for calls that take a token,
/// `WWW-Authenticate` to 401 (RFC 6750 §3).
pub fn add_headers(call: &mut Operation, challenges: bool) {
    for (status, response) in &mut call.responses.responses {
        let RefOr::T(response) = response else { continue };
        add_header(response, "X-Request-Id", Type::String, "Id of the request in the server's log");
        match status.as_str() {
            "429" | "503" => add_header(response, "Retry-After", Type::Integer, "Seconds to wait"),
            "401" if challenges => {
                add_header(response, "WWW-Authenticate", Type::String, "`Bearer` challenge");
            }
            _ => {}
        }
    }
}

fn add_header(response: &mut Response, name: &str, kind: Type, description: &str) {
    let schema: Object = ObjectBuilder::new().schema_type(SchemaType::Type(kind)).build();
    let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
    response.headers.insert(name.to_owned(), RefOr::T(header));
}
