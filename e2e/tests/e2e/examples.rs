//! The examples in the OpenAPI documents: each body has one, and the servers accept and return such bodies.

use serde_json::Value;

use crate::stack::{Running, Stack};

async fn document(server: &Running) -> Value {
    server.get("/openapi.json").send().await.assert_status(200).json()
}

/// Name and description of each operation.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["paths"].as_object().expect("paths").iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").iter();
        methods.map(move |(method, call)| (format!("{} {path}", method.to_uppercase()), call))
    })
}

/// The members of an example are those of its schema, and the required ones are there.
fn assert_fits(document: &Value, schema: &Value, example: &Value, name: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).expect("a schema");
        return assert_fits(document, schema, example, name);
    }
    if let Some(forms) = schema["oneOf"].as_array() {
        let form = forms.iter().find(|form| form["type"] != "null").expect("a form");
        if !example.is_null() {
            assert_fits(document, form, example, name);
        }
        return;
    }
    if let (Some(items), Some(examples)) = (schema.get("items"), example.as_array()) {
        return examples.iter().for_each(|example| assert_fits(document, items, example, name));
    }
    let (Some(known), Some(members)) = (schema["properties"].as_object(), example.as_object()) else {
        return;
    };
    for (member, value) in members {
        let schema = known.get(member).unwrap_or_else(|| panic!("{name}: {member} is not in the schema"));
        assert_fits(document, schema, value, name);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(members.contains_key(required.as_str().expect("a name")), "{name} lacks {required}");
    }
}

#[actix_web::test]
async fn every_body_and_every_error_has_an_example() {
    let stack = Stack::new();
    // With mail, so that all calls exist.
    let (auth, _) = stack.host_auth(&[]).await;
    for server in [auth, stack.start_api_with(&["--accept-cookie=true"])] {
        let document = document(&server).await;
        let mut seen = 0;
        for (name, call) in operations(&document) {
            let responses = call["responses"].as_object().expect("responses");
            let contents = responses.values().chain([&call["requestBody"]]);
            for content in contents.filter_map(|body| body["content"].as_object()) {
                for (kind, body) in content {
                    let named = body["examples"].as_object().into_iter().flat_map(|all| all.values());
                    let examples: Vec<&Value> =
                        body.get("example").into_iter().chain(named.map(|one| &one["value"])).collect();
                    assert!(!examples.is_empty(), "{name} has no example in {kind}");
                    for example in examples {
                        assert_fits(&document, &body["schema"], example, &name);
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 20, "{seen}");
        assert!(document["servers"][0]["url"].is_string());
    }
}

#[actix_web::test]
async fn the_server_accepts_the_examples_of_a_registration_and_a_login() {
    let stack = Stack::new();
    let server = stack.start_auth().await;
    let document = document(&server).await;
    for (path, status) in [("/auth/register", 201), ("/auth/login", 200)] {
        let call = &document["paths"][path]["post"];
        let request = &call["requestBody"]["content"]["application/json"]["example"];
        let response = server.post(path).json(request).send().await.assert_status(status).json();
        let example = &call["responses"][status.to_string()]["content"]["application/json"]["example"];
        let names = |value: &Value| value.as_object().expect("members").keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&response), names(example), "{path}");
    }
}
