//! The colours of pages that follow from `BRAND_ACCENT`.

use std::fmt;
use std::str::FromStr;

/// WCAG 2.2, 1.4.3, level AA, for text.
const MIN_CONTRAST: f64 = 4.5;
/// Dark pages need a lighter accent, as their default has.
const DARK_CONTRAST: f64 = 7.0;
const WHITE: Colour = Colour([255; 3]);
const BLACK: Colour = Colour([0; 3]);
/// `--page` and `--card` of `web/docs/base.css`: those with the least contrast.
const LIGHT_PAGE: Colour = Colour([0xf6, 0xf8, 0xf7]);
const DARK_CARD: Colour = Colour([0x16, 0x1b, 0x19]);

/// A colour such as `#0b6e5b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// An accent that is readable as text on light pages.
///
/// # Errors
/// A sentence that names a colour that is.
pub fn accent(text: &str) -> Result<Colour, String> {
    let colour: Colour = text.parse()?;
    let readable = colour.until(BLACK, |colour| colour.contrast(LIGHT_PAGE) >= MIN_CONTRAST);
    if readable == colour {
        return Ok(colour);
    }
    let contrast = colour.contrast(LIGHT_PAGE);
    Err(format!(
        "has a contrast of {contrast:.1} to the page, and {MIN_CONTRAST} is required: use {readable}"
    ))
}

/// The variables of `base.css`, for light and dark pages.
pub fn style_sheet(accent: Colour) -> String {
    let soft = accent.mix(WHITE, 0.88);
    let strong = accent.mix(BLACK, 0.25).until(BLACK, |colour| colour.contrast(soft) >= MIN_CONTRAST);
    let light = variables(accent, strong, soft, WHITE);
    let accent = accent.until(WHITE, |colour| colour.contrast(DARK_CARD) >= DARK_CONTRAST);
    let soft = accent.mix(DARK_CARD, 0.82);
    let strong = accent.mix(WHITE, 0.3).until(WHITE, |colour| colour.contrast(soft) >= MIN_CONTRAST);
    let on_accent = accent.mix(BLACK, 0.85).until(BLACK, |colour| colour.contrast(accent) >= MIN_CONTRAST);
    let dark = variables(accent, strong, soft, on_accent);
    format!(":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n")
}

fn variables(accent: Colour, strong: Colour, soft: Colour, on_accent: Colour) -> String {
    format!("--accent: {accent}; --accent-strong: {strong}; --accent-soft: {soft}; --on-accent: {on_accent};")
}

impl Colour {
    /// The first mixture with `other` that fulfils the condition, in steps of one percent.
    fn until(self, other: Self, condition: impl Fn(Self) -> bool) -> Self {
        let mixtures = (0..=100).map(|percent| self.mix(other, f64::from(percent) / 100.0));
        mixtures.into_iter().find(|colour| condition(*colour)).unwrap_or(other)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
    fn mix(self, other: Self, share: f64) -> Self {
        let mix =
            |one: u8, other: u8| (f64::from(one) * (1.0 - share) + f64::from(other) * share).round() as u8;
        let ([r, g, b], [other_r, other_g, other_b]) = (self.0, other.0);
        Self([mix(r, other_r), mix(g, other_g), mix(b, other_b)])
    }

    /// WCAG 2.2, "contrast ratio": 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = self.0.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = || "give a colour such as #0b6e5b".to_owned();
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = u32::from_str_radix(digits.ok_or_else(hint)?, 16).map_err(|_| hint())?;
        let [_, r, g, b] = number.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, DARK_CARD, LIGHT_PAGE, MIN_CONTRAST, WHITE, accent, style_sheet};

    #[test]
    fn an_accent_that_is_hard_to_read_names_one_that_is_not() {
        assert_eq!(accent("#0B6E5B").unwrap().to_string(), "#0b6e5b");
        for text in ["#ffcc00", "#ffffff", "#e91e63", "#00bcd4"] {
            let error = accent(text).unwrap_err();
            assert!(error.contains("4.5 is required"), "{error}");
            let named = &error[error.rfind('#').unwrap()..];
            assert_eq!(accent(named).unwrap().to_string(), named, "{text}");
        }
        for text in ["0b6e5b", "#0b6", "#0b6e5g", "red", "", "#0b6e5b;"] {
            assert!(accent(text).unwrap_err().contains("#0b6e5b"), "{text}");
        }
    }

    #[test]
    fn every_accent_is_readable_in_light_and_dark() {
        for text in ["#0b6e5b", "#000000", "#1d4ed8", "#b3261e", "#6b21a8", "#5f6b00", "#0000ff"] {
            let css = style_sheet(accent(text).unwrap());
            let value = |part: &str, name: &str| -> Colour {
                let (_, rest) = part.split_once(&format!("{name}: ")).unwrap();
                rest[..7].parse().unwrap()
            };
            let (light, dark) = css.split_once("@media").unwrap();
            for (part, page) in [(light, LIGHT_PAGE), (light, WHITE), (dark, DARK_CARD)] {
                let [own, strong, soft, on] = ["--accent", "--accent-strong", "--accent-soft", "--on-accent"]
                    .map(|name| value(part, name));
                for (one, other) in [(own, page), (own, on), (strong, soft), (strong, page), (strong, on)] {
                    assert!(one.contrast(other) >= MIN_CONTRAST, "{text}: {one} on {other} in {css}");
                }
            }
        }
    }
}
