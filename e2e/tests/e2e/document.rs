//! A server's OpenAPI document.

use std::collections::BTreeSet;

use awc::http::Method;
use serde_json::Value;
use test_support::Response;

use crate::stack::Running;

pub struct Document(Value);

pub struct Operation {
    pub method: Method,
    pub path: String,
    pub body: Option<Body>,
    description: Value,
}

/// The body that an operation accepts.
pub struct Body {
    pub is_needed: bool,
    /// The members, each with the JSON types that it can have.
    pub members: Vec<(String, BTreeSet<String>)>,
    pub needed_members: Vec<String>,
}

impl Document {
    pub async fn of(server: &Running) -> Self {
        Self(server.get("/openapi.json").send().await.assert_status(200).json())
    }

    pub fn paths(&self) -> Vec<String> {
        self.0["paths"].as_object().expect("paths").keys().cloned().collect()
    }

    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().expect("paths").iter();
        let operations = paths.flat_map(|(path, item)| {
            let item = item.as_object().expect("a path").iter();
            item.map(move |(method, description)| self.operation(path, method, description))
        });
        operations.collect()
    }

    /// The methods of a path, in the format of `Allow`.
    pub fn allowed(&self, path: &str) -> String {
        let item = self.0["paths"][path].as_object().expect("a path");
        let methods =
            ["get", "post", "patch", "delete", "put"].iter().filter(|name| item.contains_key(**name));
        let methods = methods.map(|name| name.to_uppercase().replace("GET", "GET, HEAD"));
        methods.collect::<Vec<_>>().join(", ")
    }

    /// The descriptions of all responses.
    pub fn responses(&self) -> String {
        self.operations().iter().map(|operation| operation.description["responses"].to_string()).collect()
    }

    fn operation(&self, path: &str, method: &str, description: &Value) -> Operation {
        let body = &description["requestBody"];
        let schema = body.pointer("/content/application~1json/schema").map(|schema| self.resolved(schema));
        Operation {
            method: Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"),
            path: path.to_owned(),
            body: schema.map(|schema| self.body(body["required"] == true, schema)),
            description: description.clone(),
        }
    }

    fn body(&self, is_needed: bool, schema: &Value) -> Body {
        // All alternatives but `null` have the same members, and they differ in the required ones.
        let forms = schema["oneOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
        let forms = forms.iter().filter(|form| form["type"] != "null");
        let forms: Vec<&Value> = forms.map(|form| self.resolved(form)).collect();
        let mut members: Vec<(String, BTreeSet<String>)> = Vec::new();
        for (name, schema) in forms.iter().flat_map(|form| form["properties"].as_object().expect("members")) {
            match members.iter_mut().find(|(known, _)| known == name) {
                Some((_, types)) => types.extend(self.types(schema)),
                None => members.push((name.clone(), self.types(schema))),
            }
        }
        let needed = forms[0]["required"].as_array().into_iter().flatten();
        let needed_members = needed.map(|name| name.as_str().expect("a name").to_owned()).collect();
        Body { is_needed, members, needed_members }
    }

    fn types(&self, schema: &Value) -> BTreeSet<String> {
        let each = schema["oneOf"].as_array().into_iter().flatten().flat_map(|one| self.types(one));
        let kind = &self.resolved(schema)["type"];
        let kinds = kind.as_array().map_or(std::slice::from_ref(kind), Vec::as_slice);
        each.chain(kinds.iter().filter_map(Value::as_str).map(str::to_owned)).collect()
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else { return schema };
        self.0.pointer(reference.trim_start_matches('#')).expect("the referenced schema")
    }
}

impl Operation {
    /// The name in the tables of the tests: method and path.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn is_safe(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether it accepts this security scheme.
    pub fn takes(&self, scheme: &str) -> bool {
        let alternatives = self.description["security"].as_array().into_iter().flatten();
        alternatives.filter_map(Value::as_object).any(|schemes| schemes.contains_key(scheme))
    }

    /// Whether it works without a token.
    pub fn is_open(&self) -> bool {
        let security = &self.description["security"];
        security.as_array().is_some_and(|any| any.is_empty() || any.contains(&serde_json::json!({})))
    }

    /// The names of its path parameters.
    pub fn path_parameters(&self) -> BTreeSet<&str> {
        let all = self.description["parameters"].as_array().into_iter().flatten();
        all.filter(|one| one["in"] == "path").filter_map(|one| one["name"].as_str()).collect()
    }

    /// The document must contain the status, the code, the media type and the headers of the response.
    pub fn assert_documented(&self, received: &Response) {
        let response = &self.description["responses"][received.status.to_string()];
        assert!(response.is_object(), "{} does not document {}", self.name(), received.status);
        for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            assert!(received.header(name).is_some(), "{} without {name}", received.status);
        }
        if received.status < 400 {
            return;
        }
        assert!(response["content"]["application/problem+json"].is_object(), "{}: {response}", self.name());
        let code = received.json()["code"].as_str().expect("a code").to_owned();
        let description = response["description"].as_str().expect("a description");
        assert!(
            description.contains(&format!("`{code}`")),
            "{} does not document {code}: {description}",
            self.name()
        );
    }
}
