//! The templates in `auth-server/templates/`, compiled in.

/// Name and source of the three files of each kind, and of the shared files.
macro_rules! templates {
    ($locale:literal, shared: [$($shared:literal),*], kinds: [$($kind:literal),*]) => {
        &[
            $((concat!($locale, "/", $shared), include_str!(concat!("../../../../templates/", $locale, "/", $shared))),)*
            $(
                templates!(@file $locale, $kind, ".subject.txt"),
                templates!(@file $locale, $kind, ".txt"),
                templates!(@file $locale, $kind, ".html"),
            )*
        ]
    };
    (@file $locale:literal, $kind:literal, $part:literal) => {
        (
            concat!($locale, "/", $kind, $part),
            include_str!(concat!("../../../../templates/", $locale, "/", $kind, $part)),
        )
    };
}

macro_rules! language {
    ($locale:literal) => {
        templates!(
            $locale,
            shared: [
                "layout.txt", "layout.html", "button.html", "code.html", "event.txt", "event.html"
            ],
            kinds: [
                "register", "already_registered", "verify", "reset", "change", "invite", "enrolment_code",
                "new_device", "password_changed", "password_reset", "email_change_requested", "email_changed", "session_stolen",
                "second_factor_changed", "second_factor_failed", "account_disabled", "account_deleted"
            ]
        )
    };
}

const ENGLISH: &[(&str, &str)] = language!("en");
const GERMAN: &[(&str, &str)] = language!("de");

/// Name and source of every built-in template.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ENGLISH.iter().chain(GERMAN).copied()
}
