//! The texts of pages: `web/pages/texts/`, and the languages of `PAGE_TEXTS`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use minijinja::Value;
use serde_json::Map;

use crate::domain::mail::Languages;
use crate::http::pages::files;
use crate::model::Locale;

/// The language that has all texts.
const ENGLISH: &str = "en";
/// The section of texts that all pages have.
const COMMON: &str = "common";
/// Languages that are written from right to left.
const RIGHT_TO_LEFT: [&str; 6] = ["ar", "dv", "fa", "he", "ur", "yi"];

/// Section, key and text. A text is a string or, if it has a number, an object with the forms that `Intl.PluralRules` names.
type Sections = BTreeMap<String, Map<String, serde_json::Value>>;

/// The texts of all languages.
pub struct Texts {
    /// By language and section.
    shown: BTreeMap<String, BTreeMap<String, ShownTexts>>,
    pub languages: Languages,
}

/// The texts of a page in one language.
pub struct ShownTexts {
    pub language: String,
    /// By key, for templates. Those with plural forms are for scripts only.
    pub values: Value,
    /// For scripts: JSON that can be part of HTML.
    pub json: Value,
}

impl Texts {
    /// Reads the built-in texts, and those in `folder`, which replace them or add a language.
    ///
    /// # Errors
    /// One line that names the file and the key.
    pub fn load(folder: Option<&Path>, default: &Locale) -> Result<Self, String> {
        let built_in = built_in()?;
        let english = built_in.get(ENGLISH).cloned().unwrap_or_default();
        let mut all = built_in;
        for (language, path, sections) in folder.map(read).transpose()?.unwrap_or_default() {
            let texts = all.entry(language).or_insert_with(|| english.clone());
            merge(texts, sections, &english).map_err(|error| format!("PAGE_TEXTS: {path}: {error}"))?;
        }
        let languages = Languages::new(all.keys().map(String::as_str), default_of(&all, default));
        let shown = all.into_iter().map(|(language, sections)| {
            let shown =
                sections.keys().map(|name| (name.clone(), show(&language, name, &sections))).collect();
            (language, shown)
        });
        Ok(Self { shown: shown.collect(), languages })
    }

    /// The languages with their own names.
    pub fn names(&self) -> impl Iterator<Item = (&str, String)> {
        self.shown.iter().filter_map(|(language, sections)| {
            let name = sections.get(COMMON)?.values.get_attr("language_name").ok()?;
            Some((language.as_str(), name.to_string()))
        })
    }

    /// The texts of a section in the requested language, the best one of `Accept-Language`, or the default one.
    pub fn choose(
        &self,
        section: &str,
        requested: Option<&str>,
        accepted: Option<&str>,
    ) -> Option<&ShownTexts> {
        let requested = requested.and_then(|tag| tag.parse::<Locale>().ok());
        let locale = requested.filter(|locale| self.languages.includes(locale));
        let locale = locale.unwrap_or_else(|| self.languages.negotiate(accepted));
        let sections = self.shown.get(locale.as_str()).or_else(|| self.shown.get(locale.language()));
        sections.or_else(|| self.shown.get(ENGLISH))?.get(section)
    }
}

/// `rtl` or `ltr`.
pub fn direction(language: &str) -> &'static str {
    let language = language.split('-').next().unwrap_or_default();
    if RIGHT_TO_LEFT.contains(&language) { "rtl" } else { "ltr" }
}

fn show(language: &str, name: &str, sections: &Sections) -> ShownTexts {
    let mut texts = sections.get(COMMON).cloned().unwrap_or_default();
    texts.extend(sections.get(name).cloned().unwrap_or_default());
    let strings = texts.iter().filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())));
    let json = serde_json::Value::from(texts.clone()).to_string().replace('<', "\\u003c");
    ShownTexts {
        language: language.to_owned(),
        values: Value::from_pairs(strings),
        json: Value::from_safe_string(json),
    }
}

/// The language of mails may be one that pages do not have.
fn default_of(all: &BTreeMap<String, Sections>, wanted: &Locale) -> Locale {
    let is_known = all.contains_key(wanted.as_str()) || all.contains_key(wanted.language());
    if is_known { wanted.clone() } else { Locale::from_stored(ENGLISH.to_owned()) }
}

fn built_in() -> Result<BTreeMap<String, Sections>, String> {
    let paths = files::paths().filter_map(|path| {
        let language = path.strip_prefix("texts/")?.strip_suffix(".json")?.to_owned();
        Some((language, files::read(&path)?))
    });
    let parsed = paths.map(|(language, content)| {
        let sections = serde_json::from_slice(&content);
        Ok((language.clone(), sections.map_err(|error| format!("texts/{language}.json: {error}"))?))
    });
    parsed.collect()
}

/// Language, path and content of each file.
fn read(folder: &Path) -> Result<Vec<(String, String, Sections)>, String> {
    let failed =
        |path: &Path, error: &dyn std::fmt::Display| format!("PAGE_TEXTS: {}: {error}", path.display());
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let language = name.strip_suffix(".json").ok_or_else(|| failed(&path, &"is not a .json file"))?;
        let language: Locale = language.parse().map_err(|error| failed(&path, &error))?;
        let content = fs::read(&path).map_err(|error| failed(&path, &error))?;
        let sections = serde_json::from_slice(&content).map_err(|error| failed(&path, &error))?;
        found.push((language.as_str().to_owned(), path.display().to_string(), sections));
    }
    Ok(found)
}

/// A misspelt key would silently have no effect.
fn merge(texts: &mut Sections, replaced: Sections, english: &Sections) -> Result<(), String> {
    for (section, keys) in replaced {
        for (key, text) in keys {
            let known = english.get(&section).and_then(|keys| keys.get(&key));
            let known = known.ok_or_else(|| format!("{section}.{key} is not the key of a text"))?;
            if !is_text(&text) || known.is_string() != text.is_string() {
                return Err(format!("{section}.{key} must be {}", form_of(known)));
            }
            texts.entry(section.clone()).or_default().insert(key, text);
        }
    }
    Ok(())
}

fn is_text(value: &serde_json::Value) -> bool {
    let has_forms = |forms: &Map<String, serde_json::Value>| {
        forms.get("other").is_some() && forms.values().all(serde_json::Value::is_string)
    };
    value.is_string() || value.as_object().is_some_and(has_forms)
}

fn form_of(known: &serde_json::Value) -> &'static str {
    if known.is_string() { "a string" } else { "an object with the plural forms, such as `one` and `other`" }
}

#[cfg(test)]
mod tests;
