use std::collections::BTreeSet;

use crate::model::Locale;

/// The languages in which mails can be written.
#[derive(Clone, Debug)]
pub struct Languages {
    /// Those that have templates.
    known: BTreeSet<String>,
    default: Locale,
}

impl Languages {
    pub fn new<'a>(known: impl IntoIterator<Item = &'a str>, default: Locale) -> Self {
        Self { known: known.into_iter().map(str::to_owned).collect(), default }
    }

    pub fn default_locale(&self) -> &Locale {
        &self.default
    }

    /// Whether the language or, for `de-at`, the one without the region has templates.
    pub fn includes(&self, locale: &Locale) -> bool {
        self.known.contains(locale.as_str()) || self.known.contains(locale.language())
    }

    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(String::as_str)
    }

    /// All of them, such as `de, en`.
    pub fn list(&self) -> String {
        self.all().collect::<Vec<_>>().join(", ")
    }

    /// The first language of `Accept-Language` (RFC 9110 §12.5.4) that has templates, or the default one.
    pub fn negotiate(&self, accept_language: Option<&str>) -> Locale {
        let mut wanted: Vec<(f32, Locale)> = accept_language
            .unwrap_or_default()
            .split(',')
            .filter_map(|range| {
                let range = range.replace(' ', "");
                let (tag, weight) = range.split_once(";q=").unwrap_or((&range, "1"));
                Some((weight.parse().ok()?, tag.parse().ok()?))
            })
            .collect();
        // Stable: the first of equal weight wins.
        wanted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let found = wanted.into_iter().find(|(weight, locale)| *weight > 0.0 && self.includes(locale));
        found.map_or_else(|| self.default.clone(), |(_, locale)| locale)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::mail::Languages;

    #[test]
    fn the_language_is_the_most_acceptable_one_that_has_texts() {
        let languages = Languages::new(["de", "en"], "en".parse().unwrap());
        for (accepted, locale) in [
            (None, "en"),
            (Some("de-AT,de;q=0.9,en;q=0.8"), "de-at"),
            (Some("fr, de; q=0.2, en;q=0.7"), "en"),
            (Some("fr-CH, de;q=0.5, *;q=0.1"), "de"),
            (Some("de;q=0"), "en"),
            (Some("*"), "en"),
            (Some(";;,=,de;q=x"), "en"),
        ] {
            assert_eq!(languages.negotiate(accepted).as_str(), locale, "{accepted:?}");
        }
    }
}
