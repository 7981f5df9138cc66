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
