use std::collections::BTreeSet;
use std::fs;

use crate::http::pages::files;
use crate::http::pages::texts::{COMMON, ENGLISH, Sections, Texts, built_in, is_text};
use crate::model::Locale;

fn english() -> Locale {
    ENGLISH.parse().unwrap()
}

fn keys(sections: &Sections) -> BTreeSet<String> {
    sections.iter().flat_map(|(name, texts)| texts.keys().map(move |key| format!("{name}.{key}"))).collect()
}

#[test]
fn all_built_in_languages_have_the_same_texts() {
    let all = built_in().unwrap();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["de", "en"]);
    for (language, sections) in &all {
        assert_eq!(keys(sections), keys(&all[ENGLISH]), "{language}");
        for (section, texts) in sections {
            for (key, text) in texts {
                let english = &all[ENGLISH][section][key];
                assert!(
                    is_text(text) && text.is_string() == english.is_string(),
                    "{language}: {section}.{key}"
                );
                assert_eq!(values(text), values(english), "{language}: {section}.{key}");
                assert!(
                    section == COMMON || !sections[COMMON].contains_key(key),
                    "{section}.{key} hides a common text"
                );
            }
        }
    }
}

/// The names in braces.
fn values(text: &serde_json::Value) -> BTreeSet<String> {
    let text = text.to_string();
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.contains('"'))
        .collect()
}

#[test]
fn scripts_use_only_texts_that_exist() {
    let english = &built_in().unwrap()[ENGLISH];
    let all: BTreeSet<&String> = english.values().flat_map(|texts| texts.keys()).collect();
    let mut found = 0;
    for path in files::paths().filter(|path| path.ends_with(".js") && !path.starts_with("vendor/")) {
        let content = files::read(&path).unwrap();
        let content = String::from_utf8_lossy(&content).into_owned();
        // `t("key"`, not `at("key"`.
        for (before, rest) in content.match_indices("t(\"").map(|(at, _)| content.split_at(at)) {
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '.') {
                continue;
            }
            let key = rest[3..].split('"').next().unwrap().to_owned();
            assert!(all.contains(&key), "{path}: {key}");
            found += 1;
        }
    }
    assert!(found > 3, "{found} texts");
}

#[test]
fn a_folder_adds_a_language_and_replaces_texts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fr.json"), r#"{"sign_in": {"sign_in": "Connexion <"}}"#).unwrap();
    let texts = Texts::load(Some(folder.path()), &english()).unwrap();
    let shown = texts.choose("sign_in", None, Some("fr-CA,en;q=0.5")).unwrap();
    assert_eq!(shown.language, "fr");
    assert_eq!(shown.values.get_attr("sign_in").unwrap().as_str(), Some("Connexion <"));
    assert!(shown.json.to_string().contains(r"Connexion \u003c"));
    assert_eq!(shown.values.get_attr("password").unwrap().as_str(), Some("Password"));
    assert_eq!(texts.choose("sign_in", Some("de"), Some("fr")).unwrap().language, "de");
    assert_eq!(texts.choose("sign_in", Some("xx"), Some("fr")).unwrap().language, "fr");
    assert_eq!(texts.choose("sign_in", None, Some("xx")).unwrap().language, "en");
}

#[test]
fn a_misspelt_text_prevents_startup() {
    for (name, content, named) in [
        ("fr.json", r#"{"sign_in": {"sing_in": "Connexion"}}"#, "sign_in.sing_in is not the key"),
        ("fr.json", r#"{"sing_in": {"sign_in": "Connexion"}}"#, "sing_in.sign_in is not the key"),
        ("fr.json", r#"{"sign_in": {"sign_in": {"other": "x"}}}"#, "sign_in.sign_in must be a string"),
        ("fr.json", "{", "EOF"),
        ("fr.yaml", "", "is not a .json file"),
        ("f.json", "{}", "language tag"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let error = Texts::load(Some(folder.path()), &english()).err().unwrap();
        assert!(
            error.starts_with("PAGE_TEXTS: ") && error.contains(name) && error.contains(named),
            "{error}"
        );
    }
}
