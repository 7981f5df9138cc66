//! The texts of mails: built-in templates, and those with which an operator replaces them.

mod built_in;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior, Value};

use crate::domain::mail::values::Values;
use crate::model::{Locale, MailKind};

/// The files of a mail: subject, text and HTML.
const PARTS: [&str; 3] = ["subject.txt", "txt", "html"];
/// The language whose templates always exist.
const DEFAULT: &str = "en";
/// Instructions and 64-byte pieces of one text. Built-in templates require a few hundred.
const FUEL: u64 = 50_000;

pub struct Templates {
    environment: Environment<'static>,
    folder: Option<PathBuf>,
    /// Names such as `en/reset.html`.
    names: BTreeSet<String>,
}

/// The texts of a mail.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Templates {
    /// Reads the built-in templates, and those in `folder`, which replace them one by one.
    ///
    /// # Errors
    /// One line that names the file, and the line in it.
    pub fn load(folder: Option<&Path>) -> Result<Self, String> {
        let mut sources: BTreeMap<String, String> =
            built_in::all().map(|(name, source)| (name.to_owned(), source.to_owned())).collect();
        if let Some(folder) = folder {
            sources.extend(read(folder)?);
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(true);
        let mut syntax = SyntaxConfig::builder();
        let syntax = syntax.trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| error.to_string())?);
        let names: BTreeSet<String> = sources.keys().cloned().collect();
        let known = names.clone();
        // `layout.html` in `de/reset.html` is `de/layout.html` or, if it does not exist, `en/layout.html`.
        environment.set_path_join_callback(move |name, parent| {
            let locale = parent.split_once('/').map_or(DEFAULT, |(locale, _)| locale);
            let own = format!("{locale}/{name}");
            Cow::Owned(if known.contains(&own) { own } else { format!("{DEFAULT}/{name}") })
        });
        let mut templates = Self { environment, folder: folder.map(Path::to_owned), names };
        for (name, source) in sources {
            templates
                .environment
                .add_template_owned(name, source)
                .map_err(|error| templates.describe(&error))?;
        }
        Ok(templates)
    }

    /// `MAIL_TEMPLATES: /etc/latchkey/mail/en/reset.html, line 3: undefined value`.
    pub fn describe(&self, mut error: &Error) -> String {
        // That of an include only says that the included template failed.
        while let Some(cause) = error.source().and_then(|source| source.downcast_ref()) {
            error = cause;
        }
        let name = error.name().unwrap_or("a template");
        let own = self.folder.as_ref().map(|folder| folder.join(name)).filter(|path| path.exists());
        let path = own.map_or_else(|| name.to_owned(), |path| path.display().to_string());
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let detail = format!("{}{detail}", error.kind());
        let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("MAIL_TEMPLATES: {path}, line {}: {detail}", error.line().unwrap_or(1))
    }

    /// The languages of the built-in templates.
    pub fn built_in_locales() -> BTreeSet<&'static str> {
        built_in::all().filter_map(|(name, _)| Some(name.split_once('/')?.0)).collect()
    }

    /// The languages that have at least one mail.
    pub fn locales(&self) -> BTreeSet<&str> {
        self.names.iter().filter_map(|name| Some(name.split_once('/')?.0)).collect()
    }

    /// The best language for this kind of mail: the wanted one, without its region, the default one, or English.
    pub fn locale<'a>(&'a self, kind: MailKind, wanted: &'a Locale, default: &'a Locale) -> &'a str {
        let candidates = [wanted.as_str(), wanted.language(), default.as_str(), default.language()];
        candidates.into_iter().find(|locale| self.has(locale, kind)).unwrap_or(DEFAULT)
    }

    /// Whether this language has all templates of a kind.
    pub fn has(&self, locale: &str, kind: MailKind) -> bool {
        PARTS.iter().all(|part| self.names.contains(&format!("{locale}/{kind}.{part}")))
    }

    /// # Errors
    /// A template uses an unknown variable, or too much time or memory.
    pub fn render(&self, locale: &str, kind: MailKind, values: &Values) -> Result<Rendered, Error> {
        let values: BTreeMap<String, Value> =
            values.iter().map(|(name, value)| (name.clone(), simple(value))).collect();
        let values = Value::from(values);
        let part = |part: &str| {
            self.environment.get_template(&format!("{locale}/{kind}.{part}"))?.render(values.clone())
        };
        let subject = part("subject.txt")?;
        Ok(Rendered {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            text: format!("{}\n", part("txt")?.trim()),
            html: part("html")?,
        })
    }
}

/// The templates in a folder, by names such as `en/reset.html`. Other files are errors, because a misspelt template would
/// silently have no effect.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        format!("MAIL_TEMPLATES: cannot read {}: {error}", path.display())
    };
    for language in entries(folder).map_err(|error| failed(folder, &error))? {
        let name = language.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let locale: Locale =
            name.parse().map_err(|error| format!("MAIL_TEMPLATES: {} {error}", language.display()))?;
        for file in entries(&language).map_err(|error| failed(&language, &error))? {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !is_template(&name) {
                return Err(format!("MAIL_TEMPLATES: {} is not the name of a template", file.display()));
            }
            let source = fs::read_to_string(&file).map_err(|error| failed(&file, &error))?;
            found.insert(format!("{locale}/{name}"), source);
        }
    }
    Ok(found)
}

/// Without hidden files, which editors leave.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether it is a template of a kind, or one that the built-in ones use.
fn is_template(name: &str) -> bool {
    let is_of_kind = MailKind::ALL.iter().any(|kind| {
        let part = name.strip_prefix(kind.as_str()).and_then(|rest| rest.strip_prefix('.'));
        part.is_some_and(|part| PARTS.contains(&part))
    });
    is_of_kind || built_in::all().any(|(known, _)| known.strip_prefix("en/") == Some(name))
}

/// Texts and numbers. The values of mails are no lists or objects.
fn simple(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::from(number.to_string()), Value::from)
        }
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => Value::from(value.to_string()),
    }
}
