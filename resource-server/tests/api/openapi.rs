//! The OpenAPI document is consistent. `e2e/tests/e2e/documented.rs` tests that it is complete.

use std::collections::BTreeSet;

use serde_json::json;

use crate::api::Api;

#[actix_web::test]
async fn the_document_is_cached_and_revalidated() {
    let api = Api::ready().await;
    let first = api.get("/openapi.json", &[]).await;
    assert_eq!((first.status, first.header("cache-control")), (200, Some("max-age=300")));
    let tag = first.header("etag").expect("a tag");
    let same = api.get("/openapi.json", &[("if-none-match", tag)]).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    let again = api.get("/openapi.json", &[("if-none-match", "\"other\"")]).await;
    assert_eq!((again.status, again.header("etag"), &again.body), (200, Some(tag), &first.body));
}

#[actix_web::test]
async fn the_document_has_the_security_and_the_errors_of_every_call() {
    let document = Api::ready().await.get("/openapi.json", &[]).await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let scheme = &document["components"]["securitySchemes"]["access_token"];
    assert_eq!(scheme, &json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}));
    for (path, method) in
        [("/protected", "get"), ("/profile", "get"), ("/admin", "get"), ("/transfer", "post")]
    {
        let operation = &document["paths"][path][method];
        assert_eq!(operation["security"], json!([{"access_token": []}]), "{path}");
        let content = operation["responses"]["401"]["content"].as_object().expect("content");
        assert_eq!(content.keys().collect::<Vec<_>>(), ["application/problem+json"], "{path}");
        let description = operation["responses"]["401"]["description"].as_str().expect("a description");
        for code in ["session_ended", "token_stale"] {
            assert!(description.contains(code), "{path} does not name {code}: {description}");
        }
    }
    assert_eq!(document["paths"]["/greeting"]["get"]["security"], json!([{}, {"access_token": []}]));
    assert_eq!(document["paths"]["/healthz"]["get"]["security"], json!([]));
}

#[actix_web::test]
async fn every_reference_resolves() {
    let document = Api::ready().await.get("/openapi.json", &[]).await.json();
    let text = document.to_string();
    let references: BTreeSet<_> =
        text.split("\"#/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(&format!("/{reference}")).is_some(), "{reference}");
    }
}

#[actix_web::test]
async fn operation_ids_are_unique() {
    let document = Api::ready().await.get("/openapi.json", &[]).await.json();
    let paths = document["paths"].as_object().expect("paths").values();
    let operations = paths.flat_map(|path| path.as_object().expect("operations").values());
    let ids: Vec<_> = operations.map(|operation| operation["operationId"].to_string()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}
