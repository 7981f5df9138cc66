use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::TestApp;

async fn document() -> Value {
    TestApp::start().await.get("/openapi.json").send().await.assert_status(200).json()
}

#[actix_web::test]
async fn every_operation_has_a_unique_id() {
    let document = document().await;
    let paths = document["paths"].as_object().expect("paths").values();
    let operations = paths.flat_map(|path| path.as_object().expect("operations").values());
    let ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().expect("an id")).collect();
    assert!(ids.contains(&"list_sessions"));
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[actix_web::test]
async fn the_document_is_cached_and_revalidated() {
    let app = TestApp::start().await;
    let first = app.get("/openapi.json").send().await.assert_status(200);
    assert_eq!(first.header("cache-control"), Some("max-age=300"));
    let tag = first.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
    for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let same = app.get("/openapi.json").header("if-none-match", &known).send().await.assert_status(304);
        assert_eq!((same.header("etag"), same.body.len()), (Some(tag.as_str()), 0), "{known}");
    }
    for other in ["\"other\"", "nonsense"] {
        let again = app.get("/openapi.json").header("if-none-match", other).send().await.assert_status(200);
        assert_eq!((again.header("etag"), &again.body), (Some(tag.as_str()), &first.body), "{other}");
    }
    // The audiences are in the document.
    let other = TestApp::with(&["--audiences", "other"]).await;
    assert_ne!(other.get("/openapi.json").send().await.header("etag"), Some(tag.as_str()));
}

#[actix_web::test]
async fn every_reference_resolves() {
    let document = document().await;
    let text = document.to_string();
    let references: BTreeSet<_> =
        text.split("\"#/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(&format!("/{reference}")).is_some(), "{reference}");
    }
}
