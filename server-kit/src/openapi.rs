//! Adds errors and common headers to the operations of an OpenAPI document, and serves it.

use std::sync::OnceLock;

use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use shared_claims::Code;
use shared_claims::http::problem::MEDIA_TYPE;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{
    Content, HeaderBuilder, Object, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
};

use crate::etag::json_with_etag;

/// The document of a server. It is built at the first request for it, because that takes longer than any response.
#[derive(Debug, Default)]
pub struct ApiDocument(OnceLock<(Bytes, String)>);

impl ApiDocument {
    /// Responds with the document, which `build` returns.
    pub fn respond(&self, request: &HttpRequest, build: impl FnOnce() -> OpenApi) -> HttpResponse {
        let (json, tag) = self.0.get_or_init(|| {
            // A tree of strings cannot fail to serialise.
            let json = build().to_json().unwrap_or_default();
            let tag = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, json.as_bytes()));
            (json.into(), tag)
        });
        json_with_etag(request, tag, json.clone())
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
