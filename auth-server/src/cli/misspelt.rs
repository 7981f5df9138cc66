//! Environment variables that are probably meant as settings, and have no effect.

use clap::CommandFactory as _;

use crate::settings::Settings;

/// The settings of resource-server that this server does not have.
const OF_RESOURCE_SERVER: [&str; 7] = [
    "ACCEPT_COOKIE",
    "ALLOW_HTTP_ISSUER",
    "AUDIENCE",
    "JWKS_URL",
    "REVOCATION_FEED_MAX_AGE",
    "REVOCATION_FEED_URL",
    "TOKEN_CACHE_SIZE",
];
/// Read by the logger.
const LOG_FILTER: &str = "RUST_LOG";
/// A typing error in this many characters is tolerated.
const CHARS_PER_ERROR: usize = 6;

/// One sentence for each variable that is no setting, but looks like one.
#[must_use]
pub fn misspelt_variables(variables: &[String]) -> Vec<String> {
    let command = Settings::command();
    let settings = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    let settings: Vec<&str> = settings.chain([LOG_FILTER]).collect();
    let unknown = variables.iter().filter(|name| !settings.contains(&name.as_str()));
    let mut sentences: Vec<String> = unknown.filter_map(|name| sentence(name, &settings)).collect();
    sentences.sort();
    sentences
}

fn sentence(name: &str, settings: &[&str]) -> Option<String> {
    let meant = closest(name, settings);
    if OF_RESOURCE_SERVER.contains(&name) {
        let hint = meant.map(|meant| format!("; here it is {meant}")).unwrap_or_default();
        return Some(format!("{name} is a setting of resource-server and has no effect{hint}"));
    }
    meant.map(|meant| format!("{name} is not a setting and has no effect; did you mean {meant}?"))
}

/// The setting that differs from `name` by a typing error, by capitals, or by a word at the end.
fn closest<'a>(name: &str, settings: &[&'a str]) -> Option<&'a str> {
    let name = name.to_uppercase();
    let is_longer = |longer: &str, shorter: &str| shorter.contains('_') && longer.starts_with(shorter);
    let distance = |setting: &&'a str| {
        let errors = strsim::osa_distance(&name, setting);
        let is_typo = errors <= 1.max(setting.len() / CHARS_PER_ERROR);
        (is_typo || is_longer(&name, setting) || is_longer(setting, &name)).then_some((errors, *setting))
    };
    settings.iter().filter_map(distance).min().map(|(_, setting)| setting)
}

#[cfg(test)]
mod tests {
    use super::misspelt_variables;

    fn warning(name: &str) -> Option<String> {
        misspelt_variables(&[name.to_owned()]).pop()
    }

    #[test]
    fn variables_that_look_like_settings_are_reported_with_the_setting() {
        for (variable, setting) in [
            ("ALOWED_ORIGINS", "ALLOWED_ORIGINS"),
            ("ALLOWED_ORIGIN", "ALLOWED_ORIGINS"),
            ("DATABSE_URL", "DATABASE_URL"),
            ("allowed_origins", "ALLOWED_ORIGINS"),
            ("BIND_ADDRESS", "BIND_ADDR"),
            ("ARGON2_MEMORY", "ARGON2_MEMORY_KIB"),
            ("JWT_REFRESH_SECRETS", "JWT_REFRESH_SECRET"),
            ("ISUER", "ISSUER"),
            ("COOKIE_SAME_SITE", "COOKIE_SAMESITE"),
            ("RUST_LOGS", "RUST_LOG"),
        ] {
            let expected = format!("{variable} is not a setting and has no effect; did you mean {setting}?");
            assert_eq!(warning(variable), Some(expected));
        }
    }

    #[test]
    fn settings_of_resource_server_are_reported() {
        let expected = "JWKS_URL is a setting of resource-server and has no effect";
        assert_eq!(warning("JWKS_URL").as_deref(), Some(expected));
        let expected = "AUDIENCE is a setting of resource-server and has no effect; here it is AUDIENCES";
        assert_eq!(warning("AUDIENCE").as_deref(), Some(expected));
    }

    #[test]
    fn settings_and_variables_of_others_are_not_reported() {
        for variable in [
            "ALLOWED_ORIGINS",
            "DATABASE_URL_FILE",
            "RUST_LOG",
            "PATH",
            "HOME",
            "USER",
            "LANG",
            "TERM",
            "SHELL",
            "HOSTNAME",
            "PWD",
            "LOGNAME",
            "DATABASE_HOST",
            "PGPASSWORD",
            "POSTGRES_PASSWORD",
            "KUBERNETES_SERVICE_HOST",
            "AUTH_SERVER_PORT",
            "AUTH_SERVER_SERVICE_HOST",
            "NO_COLOR",
            "COLORTERM",
            "SSH_CLIENT",
            "XDG_SESSION_ID",
            "",
        ] {
            assert_eq!(warning(variable), None, "{variable}");
        }
    }
}
