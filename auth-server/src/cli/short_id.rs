//! Ids as a narrow table shows them.

/// Shorter ones could match by accident.
const MIN_CHARS: usize = 8;

/// The only id that is `text` or begins with it, if there is one. `text` may end with the ellipsis of the table.
///
/// # Errors
/// Several ids begin with it.
pub fn complete(text: &str, ids: impl IntoIterator<Item = String>) -> Result<Option<String>, String> {
    let prefix = text.trim_end_matches('…');
    let is_match = |id: &String| id == prefix || prefix.len() >= MIN_CHARS && id.starts_with(prefix);
    let mut matches = ids.into_iter().filter(is_match);
    match (matches.next(), matches.next()) {
        (Some(_), Some(_)) => Err(format!("several ids begin with {prefix}: give more characters")),
        (only, _) => Ok(only),
    }
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn eight_characters_are_enough_if_only_one_id_begins_with_them() {
        let ids = || ["3f2a9c1e-58d4", "3f2a9c1e-58d5", "77777777-58d4"].map(str::to_owned);
        for text in ["77777777", "77777777…", "77777777-58d4"] {
            assert_eq!(complete(text, ids()), Ok(Some("77777777-58d4".to_owned())), "{text}");
        }
        for text in ["7777777", "", "…", "88888888", "77777777-58d45"] {
            assert_eq!(complete(text, ids()), Ok(None), "{text}");
        }
        assert!(complete("3f2a9c1e…", ids()).is_err());
        assert!(complete("3f2a9c1e-58d4", ids()).is_ok());
    }
}
