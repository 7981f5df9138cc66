//! The rules for new passwords: their length, and how hard they must be to guess.

#[cfg(test)]
mod tests;

use zxcvbn::Score;

/// zxcvbn rates no password of 8 characters as [`MIN_SCORE`], not even a random one. A limit of its own gives users a better
/// message.
const MIN_CHARS: usize = 9;
const MAX_CHARS: usize = 128;
/// "Safely unguessable: moderate protection from offline slow-hash scenario", in zxcvbn's words.
const MIN_SCORE: Score = Score::Three;
/// zxcvbn sees this many characters of a password. It tries every substitution of look-alike characters at every position,
/// before the caller is authenticated: the most expensive 100 characters take a second, the most expensive 32 take 60 ms.
const JUDGED_CHARS: usize = 32;

/// Why a password is rejected, worded for the user who chose it.
#[derive(Debug, thiserror::Error)]
pub enum WeakPassword {
    #[error("must be at least 9 characters long")]
    TooShort,
    #[error("must be at most 128 characters long")]
    TooLong,
    /// With the warning of zxcvbn.
    #[error("is too easy to guess{0}")]
    Guessable(String),
}

/// How hard a password is to guess.
pub struct Strength {
    /// From 0, very easy, to 4, very hard.
    pub score: u8,
    /// Why the password is rejected.
    pub weakness: Option<WeakPassword>,
}

/// `words` are those that a guesser would try first.
pub fn check_strength(password: &str, words: &[String]) -> Result<(), WeakPassword> {
    judge_strength(password, words).weakness.map_or(Ok(()), Err)
}

/// A long password is judged by its beginning: more characters never make it easier to guess.
pub fn judge_strength(password: &str, words: &[String]) -> Strength {
    let rejected = |score, weakness| Strength { score, weakness: Some(weakness) };
    let length = password.chars().count();
    if length < MIN_CHARS {
        return rejected(0, WeakPassword::TooShort);
    }
    if length > MAX_CHARS {
        return rejected(0, WeakPassword::TooLong);
    }
    // The words too: one that is longer than the judged beginning would never be found in it.
    let words: Vec<&str> = words.iter().map(|word| beginning(word)).collect();
    let entropy = zxcvbn::zxcvbn(beginning(password), &words);
    let score = u8::from(entropy.score());
    if entropy.score() >= MIN_SCORE {
        return Strength { score, weakness: None };
    }
    let warning = entropy.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    rejected(
        score,
        WeakPassword::Guessable(warning.map_or_else(String::new, |warning| format!(": {warning}"))),
    )
}

fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(JUDGED_CHARS).map_or(text.len(), |(index, _)| index);
    &text[..end]
}
