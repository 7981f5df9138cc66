//! Checks the documents: links, names of files, calls and codes in `docs/api.md`, messages in `docs/troubleshooting.md`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use shared_claims::Code;

use crate::document::Document;
use crate::stack::{Running, Stack};

/// The sources of the messages in `docs/troubleshooting.md`.
const SOURCES: [&str; 6] = [
    "auth-server/src",
    "resource-server/src",
    "server-kit/src",
    "shared-claims/src",
    "local-stack/src",
    "scripts",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The paths of all documents, relative to the root.
fn documents() -> Vec<String> {
    let folders = ["", "docs/", "docs/recipes/", "deploy/"].into_iter();
    let listed = folders.flat_map(|folder| {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        entries.map(move |entry| format!("{folder}{}", entry.expect("an entry").file_name().display()))
    });
    listed.filter(|name| has_extension(name, "md")).collect()
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// A document without its code blocks.
fn prose(document: &str) -> String {
    let mut in_code = false;
    let mut prose = String::new();
    for line in document.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The anchors of a document's headings, as GitHub generates them.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// Every text between two markers.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split(close).next())
}

#[test]
fn every_link_leads_to_an_existing_file_and_heading() {
    for document in documents() {
        let prose = prose(&text(&document));
        let quoted = between(&prose, "src=\"", "\"").chain(between(&prose, "srcset=\"", "\""));
        for link in between(&prose, "](", ")").chain(quoted) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&document).parent().expect("a folder");
            let target = if path.is_empty() { Path::new(&document).to_owned() } else { folder.join(path) };
            assert!(root().join(&target).exists(), "{document}: {link}");
            if !anchor.is_empty() {
                let headings = anchors(&prose_of(&target));
                assert!(headings.contains(anchor), "{document}: {link} is not one of {headings:?}");
            }
        }
    }
}

fn prose_of(path: &Path) -> String {
    prose(&text(path.to_str().expect("a path")))
}

/// The names of the pages in `docs/recipes/`, without the index.
fn recipes() -> Vec<String> {
    let pages =
        documents().into_iter().filter_map(|path| path.strip_prefix("docs/recipes/").map(str::to_owned));
    pages.filter(|name| name != "README.md").collect()
}

/// `docs/SUMMARY.md` is the table of contents of the book, which omits all other pages.
#[test]
fn every_page_of_the_docs_is_in_the_book_and_every_recipe_in_the_index() {
    let summary = text("docs/SUMMARY.md");
    for document in documents() {
        let Some(page) = document.strip_prefix("docs/").filter(|page| *page != "SUMMARY.md") else {
            continue;
        };
        assert!(summary.contains(&format!("]({page})")), "docs/SUMMARY.md lacks {page}");
    }
    let index = text("docs/recipes/README.md");
    for page in recipes() {
        assert!(index.contains(&format!("]({page})")), "docs/recipes/README.md lacks {page}");
    }
}

#[test]
fn every_recipe_has_the_same_sections() {
    for page in recipes() {
        let prose = prose_of(&Path::new("docs/recipes").join(&page));
        let sections: Vec<&str> = prose.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, ["Install", "Configure", "Protect a route", "Call it", "Traps"], "{page}");
    }
}

/// mdBook runs `scripts/book.py` on the pages, with their paths relative to `docs/`.
#[test]
fn links_of_the_book_to_other_files_lead_to_the_repository() {
    for document in documents() {
        let Some(page) = document.strip_prefix("docs/") else { continue };
        let chapter = json!({ "Chapter": { "path": page, "content": text(&document), "sub_items": [] } });
        let folder = Path::new(&document).parent().expect("a folder");
        for link in between(&prose(&converted(&chapter)), "](", ")") {
            let path = link.split('#').next().unwrap_or(link).replace("index.md", "README.md");
            let is_in_book = root()
                .join(folder)
                .join(&path)
                .canonicalize()
                .is_ok_and(|path| path.starts_with(root().join("docs")));
            assert!(link.contains("://") || path.is_empty() || is_in_book, "{document}: {link}");
        }
    }
}

/// The text of a chapter in the book.
fn converted(chapter: &Value) -> String {
    let mut script = Command::new("python3")
        .arg("scripts/book.py")
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut input = script.stdin.take().expect("a pipe");
    write!(input, "{}", json!([{}, { "items": [chapter] }])).expect("a pipe");
    drop(input);
    let output = script.wait_with_output().expect("an output");
    let book: Value = serde_json::from_slice(&output.stdout).expect("a book");
    book["items"][0]["Chapter"]["content"].as_str().expect("a text").to_owned()
}

#[test]
fn every_file_named_in_a_document_exists() {
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = prose(&text(document));
        for name in between(&text, "`", "`").step_by(2) {
            // Excludes calls and commands, which contain other characters.
            let is_path = name.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c))
                && !name.starts_with('/')
                && (has_extension(name, "rs") || name.contains('/'));
            let places = [root(), root().join("auth-server/src"), root().join("shared-claims/src/http")];
            if is_path && !places.iter().any(|place| place.join(name).exists()) {
                missing.push(format!("{document}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn readme_and_architecture_are_short() {
    for (document, most) in [("README.md", 150), ("ARCHITECTURE.md", 200)] {
        let lines = text(document).lines().count();
        assert!(lines <= most, "{document} has {lines} lines");
    }
}

#[test]
fn modules_depend_on_each_other_in_one_direction_as_architecture_shows() {
    let output = Command::new("python3")
        .args(["scripts/module-graph.py", "--check"])
        .current_dir(root())
        .output()
        .expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The crate's example is a doc test. The README may leave lines out.
#[test]
fn the_readme_contains_the_example_of_shared_claims() {
    let crate_text = text("shared-claims/src/lib.rs");
    let documented: Vec<&str> =
        crate_text.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let readme = text("README.md");
    let example = between(&readme, "```rust\n", "```").next().expect("an example in Rust");
    let lines = example.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut from = 0;
    for line in lines {
        let found = documented[from..].iter().position(|documented| *documented == line);
        from += found.unwrap_or_else(|| panic!("the crate's example lacks: {line}")) + 1;
    }
}

#[actix_web::test]
async fn the_api_reference_contains_every_call_code_and_event_type() {
    let stack = Stack::new();
    let (auth, api): (Running, Running) =
        (stack.start_auth().await, stack.start_api_with(&["--accept-cookie=true"]));
    let reference = text("docs/api.md");
    let (of_auth, of_api) = reference.split_once("\n# resource-server\n").expect("two servers");
    for (server, part) in [(&auth, of_auth), (&api, of_api)] {
        let headings: Vec<&str> = part.lines().filter(|line| line.starts_with("### ")).collect();
        for operation in Document::of(server).await.operations() {
            let name = operation.name();
            let is_there =
                |heading: &&str| heading.trim_start_matches("### ").split(", ").any(|call| call == name);
            assert!(headings.iter().any(is_there), "docs/api.md lacks {name}");
        }
    }
    for code in Code::ALL {
        let row = format!("| {} | `{}` |", code.status().as_u16(), code.as_str());
        assert!(reference.contains(&row), "docs/api.md lacks {row}");
    }
    let document: Value = auth.get("/openapi.json").send().await.assert_status(200).json();
    for kind in document["components"]["schemas"]["EventType"]["enum"].as_array().expect("types") {
        let name = format!("`{}`", kind.as_str().expect("a name"));
        assert!(reference.contains(&name), "docs/api.md lacks {name}");
    }
}

/// A row of `docs/troubleshooting.md` begins with a message of the code, with `…` for the parts that vary.
#[test]
fn every_message_in_troubleshooting_exists_in_the_code() {
    let mut sources = String::new();
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.ends_with("node_modules") {
                continue; // thousands of files of others
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(source) = fs::read_to_string(&path) {
                sources.push_str(&source);
            }
        }
    }
    // Joins strings that continue on the next line. Lines without a string would make the search slow.
    let sources = sources.split("\\\n").map(str::trim_start).collect::<String>();
    let sources = sources.lines().filter(|line| line.contains(['"', '\''])).collect::<Vec<_>>().join("\n");
    let page = text("docs/troubleshooting.md");
    let messages: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(messages.len() > 20, "{messages:?}");
    let parts = messages
        .iter()
        .filter_map(|line| between(line, "`", "`").next())
        .flat_map(|message| message.split('…'));
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    let unknown: Vec<&str> = parts.filter(|part| !sources.contains(&part.replace('"', "\\\""))).collect();
    assert!(unknown.is_empty(), "no source has {unknown:#?}");
}
