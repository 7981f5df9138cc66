//! The OpenAPI documents are complete: they contain every route, every method, and every code that handlers use.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use shared_claims::Code;

use crate::document::Document;
use crate::stack::{Running, Stack};

/// Pages are not part of the API.
const OUTSIDE: [&str; 3] = ["demo.rs", "mailbox.rs", "pages.rs"];

struct Servers {
    auth: Running,
    api: Running,
}

impl Servers {
    async fn start() -> Self {
        let stack = Stack::new();
        // Some calls exist only if the server sends mails.
        let auth = stack.start_auth_with(&stack.mail_flags()).await;
        Self { auth, api: stack.start_api_with(&["--accept-cookie=true"]) }
    }

    fn each(&self) -> [(&'static str, &Running); 2] {
        [("auth-server", &self.auth), ("resource-server", &self.api)]
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Name and text of every file of a server's `http/`.
fn sources(server: &str) -> Vec<(String, String)> {
    let mut sources = Vec::new();
    let mut folders = vec![root().join(server).join("src/http")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder of handlers") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push((name, fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    assert!(sources.iter().any(|(name, _)| name == "routes.rs"), "the URL table has moved");
    sources
}

#[actix_web::test]
async fn the_documents_have_exactly_the_paths_of_the_url_tables() {
    for (name, server) in Servers::start().await.each() {
        let mut routed = BTreeSet::new();
        for (file, source) in sources(name) {
            if OUTSIDE.contains(&file.as_str()) {
                continue;
            }
            let paths = source.split("resource(\"").skip(1).filter_map(|rest| rest.split('"').next());
            let before = routed.len();
            routed.extend(paths.map(str::to_owned));
            assert!(
                file == "routes.rs" || routed.len() == before,
                "{file} has a URL, which belongs in routes.rs"
            );
            let made = source.matches(".service(").count() + source.matches(".route(\"").count();
            let seen = source.matches(".service(").count().min(source.matches("resource(\"").count());
            assert_eq!(made, seen, "{name}/{file}: this test finds only URLs in resource(\"…\")");
            for other in ["web::scope(", "#[get(", "#[post(", "#[put(", "#[patch(", "#[delete(", "#[route("] {
                assert!(!source.contains(other), "{name}/{file}: this test does not find URLs in {other}");
            }
        }
        let described: BTreeSet<_> = Document::of(server).await.paths().into_iter().collect();
        assert_eq!(described, routed, "{name}");
    }
}

#[actix_web::test]
async fn a_path_supports_exactly_the_methods_of_its_document() {
    for (_, server) in Servers::start().await.each() {
        let document = Document::of(server).await;
        for path in document.paths() {
            let allowed = document.allowed(&path);
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
                let method = awc::http::Method::from_bytes(method.as_bytes()).expect("a method");
                let url = format!("{}{path}", server.url);
                let response = test_support::Call::new(method.clone(), url).send().await;
                let known = allowed.split(", ").any(|name| name == method.as_str());
                assert_eq!(response.status != 405, known, "{method} {path}: {}", response.status);
                if !known {
                    assert_eq!(response.header("allow"), Some(allowed.as_str()), "{method} {path}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn a_path_contains_each_of_its_parameters() {
    for (_, server) in Servers::start().await.each() {
        for operation in Document::of(server).await.operations() {
            let places = operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            assert_eq!(operation.path_parameters(), places.collect(), "{}", operation.name());
        }
    }
}

#[actix_web::test]
async fn every_code_that_a_handler_uses_is_documented_for_an_operation() {
    for (name, server) in Servers::start().await.each() {
        let responses = Document::of(server).await.responses();
        // The description of the whole document covers these.
        let of_all = [Code::MethodNotAllowed];
        let named = |code: &&Code| {
            sources(name).iter().any(|(_, source)| source.contains(&format!("Code::{code:?}")))
        };
        let codes: Vec<_> = Code::ALL.iter().filter(named).filter(|code| !of_all.contains(code)).collect();
        for code in codes {
            assert!(
                responses.contains(&format!("`{}`", code.as_str())),
                "{name} does not document {}",
                code.as_str()
            );
        }
    }
}

#[actix_web::test]
async fn every_code_is_documented_for_an_operation() {
    let mut responses = String::new();
    for (_, server) in Servers::start().await.each() {
        let text = server.get("/openapi.json").send().await.text();
        for code in Code::ALL {
            assert!(
                text.contains(&format!("\"{}\"", code.as_str())),
                "the schema of `code` lacks {}",
                code.as_str()
            );
        }
        responses += &Document::of(server).await.responses();
    }
    for code in Code::ALL {
        // The description of the whole document covers it.
        if *code != Code::MethodNotAllowed {
            assert!(
                responses.contains(&format!("`{}`", code.as_str())),
                "{} is not documented",
                code.as_str()
            );
        }
    }
}
