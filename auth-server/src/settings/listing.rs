//! The settings of a server for administrators, without secrets.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsStr;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use secrecy::SecretString;
use url::Url;

use crate::settings::Settings;

/// What stands for a secret.
const HIDDEN: &str = "(set)";

/// Every setting that has a value or a default, by its variable. Flattened into [`Settings`] before the other fields, which
/// take the values out of the matches. A new setting is listed without further code, and hidden if it is a secret.
#[derive(Clone, Debug, Default)]
pub struct Listing(BTreeMap<String, String>);

impl Settings {
    /// The settings with their values. Secrets are only `(set)`.
    pub(crate) fn listed(&self) -> BTreeMap<String, String> {
        let mut all = self.listing.0.clone();
        if let Ok(url) = self.database_url() {
            all.insert("DATABASE_URL".to_owned(), url.to_string());
        }
        all
    }
}

impl FromArgMatches for Listing {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let settings = Settings::augment_args(Command::new("settings"));
        let listed = settings.get_arguments().filter_map(|setting| {
            let name = setting.get_env()?.to_str()?.to_owned();
            let values = matches.try_get_raw(setting.get_id().as_str()).ok()??;
            let values = values.filter_map(OsStr::to_str).map(|value| shown(setting, value));
            Some((name, values.collect::<Vec<_>>().join(",")))
        });
        Ok(Self(listed.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Adds no setting.
impl Args for Listing {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

fn shown(setting: &Arg, value: &str) -> String {
    if is_secret(setting) { HIDDEN.to_owned() } else { without_credentials(value) }
}

fn is_secret(setting: &Arg) -> bool {
    setting.is_hide_env_values_set() || setting.get_value_parser().type_id() == TypeId::of::<SecretString>()
}

/// Without user and password of URLs.
fn without_credentials(value: &str) -> String {
    let clean = |part: &str| match Url::parse(part.trim()) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let removed = url.set_username("").and_then(|()| url.set_password(None));
            removed.map_or_else(|()| HIDDEN.to_owned(), |()| url.into())
        }
        Ok(_) | Err(_) => part.to_owned(),
    };
    value.split(',').map(clean).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use clap::{Args, Command};
    use secrecy::SecretString;

    use super::{HIDDEN, is_secret};
    use crate::settings::Settings;

    const NEEDLE: &str = "needle-in-the-haystack-0123456789-abcdef";

    fn arguments() -> Vec<clap::Arg> {
        Settings::augment_args(Command::new("settings")).get_arguments().cloned().collect()
    }

    #[test]
    fn no_secret_is_listed() {
        let secrets: Vec<_> = arguments().into_iter().filter(is_secret).collect();
        assert!(secrets.len() >= 10, "{secrets:?}");
        for secret in secrets {
            let (flag, name) = (secret.get_long().unwrap(), secret.get_env().unwrap().to_str().unwrap());
            let value = if name == "DATABASE_URL" {
                format!("postgres://ann:{NEEDLE}@db.example.org/latchkey")
            } else {
                NEEDLE.to_owned()
            };
            let settings = Settings::from_flags(["auth-server", &format!("--{flag}"), &value]).unwrap();
            let listed = settings.listed();
            assert!(!format!("{listed:?}{settings:?}").contains(NEEDLE), "{name}: {listed:?}");
            let shown = if name == "DATABASE_URL" { "PostgreSQL database" } else { HIDDEN };
            assert_eq!(listed[name], shown, "{name}");
        }
    }

    #[test]
    fn the_user_name_at_the_mail_server_is_hidden() {
        let settings = Settings::from_flags(["auth-server", "--smtp-user", NEEDLE]).unwrap();
        assert_eq!(settings.listed()["SMTP_USER"], HIDDEN);
    }

    #[test]
    fn credentials_in_other_settings_are_not_listed() {
        let url = format!("https://ann:{NEEDLE}@example.org/page");
        for setting in arguments() {
            let flag = format!("--{}", setting.get_long().unwrap());
            if let Ok(settings) = Settings::from_flags(["auth-server", &flag, &url]) {
                let listed = settings.listed();
                assert!(!format!("{listed:?}").contains(NEEDLE), "{flag}: {listed:?}");
            }
        }
    }

    #[test]
    fn what_is_named_like_a_secret_has_the_type_of_one() {
        for setting in arguments() {
            let name = setting.get_env().expect("a variable").to_str().unwrap().to_owned();
            let is_named_so = ["SECRET", "PASSWORD", "TOKEN", "SALT", "CREDENTIAL", "DATABASE_URL"]
                .iter()
                .any(|word| name.contains(word));
            let is_about_one =
                ["_FILE", "_TTL", "_DELIVERY", "CHANGE_PASSWORD_URL"].iter().any(|end| name.ends_with(end));
            let has_type = setting.get_value_parser().type_id() == TypeId::of::<SecretString>();
            assert!(has_type || is_about_one || !is_named_so, "{name}");
        }
    }

    #[test]
    fn every_setting_with_a_value_is_listed() {
        let flags = ["--audiences", "api,billing", "--key-encryption-secret-file", "/run/secrets/keys"];
        let settings = Settings::from_flags(["auth-server"].iter().chain(&flags)).unwrap();
        let listed = settings.listed();
        let value = |name: &str| listed.get(name).map(String::as_str);
        assert_eq!(value("AUDIENCES"), Some("api,billing"));
        assert_eq!(value("ACCESS_TOKEN_TTL"), Some("15m"));
        assert_eq!(value("MAIL_TRANSPORT"), Some("off"));
        assert_eq!(value("KEY_ENCRYPTION_SECRET_FILE"), Some("/run/secrets/keys"));
        assert_eq!(value("KEY_ENCRYPTION_SECRET"), None);
        assert_eq!(value("DATABASE_URL"), Some("SQLite database data/latchkey.db"));
        let with_default = arguments().into_iter().filter(|setting| !setting.get_default_values().is_empty());
        for setting in with_default {
            let name = setting.get_env().unwrap().to_str().unwrap();
            assert!(listed.contains_key(name), "{name}");
        }
    }
}
