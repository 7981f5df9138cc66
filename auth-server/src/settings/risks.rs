//! Values that weaken the server. Those that undo a promise stop the start; the others are logged.

use std::time::Duration;

use server_kit::settings::{exposed_metrics, is_remote_http};
use shared_claims::Algorithm;
use url::Url;

use crate::settings::{SameSite, Settings};

/// The weakest argon2id parameters that OWASP recommends (Password Storage Cheat Sheet): 5 passes over 7 MiB, or fewer
/// passes over more memory.
const MIN_ARGON2_KIB: u32 = 7168;
const MIN_ARGON2_KIB_PASSES: u64 = 5 * 7168;
/// More than this takes about a second of a core, or 256 MiB of memory on each, for every attempt to log in.
const HIGH_ARGON2_KIB: u32 = 256 * 1024;
const HIGH_ARGON2_KIB_PASSES: u64 = 1024 * 1024;
/// Tests hash thousands of passwords. No release build has this exception.
const IS_TEST_BUILD: bool = cfg!(any(debug_assertions, feature = "fail-points"));

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Ten times the default.
const HIGH_LOGIN_RATE: u32 = 300;

/// Fails if attackers could guess the passwords of stolen hashes cheaply.
pub fn check_argon2(memory_kib: u32, iterations: u32) -> Result<(), String> {
    if IS_TEST_BUILD { Ok(()) } else { argon2_floor(memory_kib, iterations) }
}

fn argon2_floor(memory_kib: u32, iterations: u32) -> Result<(), String> {
    let work = u64::from(memory_kib) * u64::from(iterations);
    if memory_kib >= MIN_ARGON2_KIB && work >= MIN_ARGON2_KIB_PASSES {
        return Ok(());
    }
    Err(format!(
        "ARGON2_MEMORY_KIB={memory_kib} with ARGON2_ITERATIONS={iterations} is weaker than OWASP's minimum: \
         give at least 19456 and 2, or 7168 and 5"
    ))
}

fn argon2_cost(memory_kib: u32, iterations: u32) -> Option<String> {
    let work = u64::from(memory_kib) * u64::from(iterations);
    (memory_kib > HIGH_ARGON2_KIB || work > HIGH_ARGON2_KIB_PASSES).then(|| {
        format!(
            "ARGON2_MEMORY_KIB={memory_kib} with ARGON2_ITERATIONS={iterations}: each attempt to log in takes more than about \
             a second, or 256 MiB of memory per core"
        )
    })
}

impl Settings {
    /// What to warn about at the start: one sentence for each setting.
    pub(crate) fn risks(&self) -> Vec<String> {
        let mut risks = self.lax_limits();
        if self.lacks_domain_for_passkeys() {
            risks.push("ISSUER has an IP address and no domain: passkeys are off".into());
        }
        if self.jwt_access_algorithm == Algorithm::Hs256 {
            risks.push(
                "JWT_ACCESS_ALGORITHM=HS256: every resource server can sign tokens too; ES256 is safer"
                    .into(),
            );
        }
        if !self.cookie_secure {
            risks.push(
                "COOKIE_SECURE=false: browsers send the refresh cookie over plain HTTP; for development only"
                    .into(),
            );
        }
        if self.cookie_samesite == SameSite::Strict {
            risks.extend(self.cross_site_origins().into_iter().map(|origin| {
                format!(
                    "ALLOWED_ORIGINS: {origin} is another site: with COOKIE_SAMESITE=strict, browsers send no cookies \
                     from its pages"
                )
            }));
        }
        risks.extend(self.plain_http_origins().map(|origin| {
            format!(
                "ALLOWED_ORIGINS: {origin} is plain HTTP: an attacker on the network can change its pages"
            )
        }));
        risks.extend(argon2_floor(self.argon2_memory_kib, self.argon2_iterations).err());
        risks.extend(argon2_cost(self.argon2_memory_kib, self.argon2_iterations));
        risks.extend(self.metrics_addr.and_then(exposed_metrics));
        risks
    }

    fn lax_limits(&self) -> Vec<String> {
        let mut risks = Vec::new();
        let mut warn = |is_lax: bool, text: &str| {
            if is_lax {
                risks.push(text.to_owned());
            }
        };
        warn(
            self.access_token_ttl > HOUR,
            "ACCESS_TOKEN_TTL is longer than 1h: a stolen access token works that long where the revocation feed is off",
        );
        warn(
            self.session_max_ttl > 90 * DAY,
            "SESSION_MAX_TTL is longer than 90d: a stolen session works that long",
        );
        warn(
            self.refresh_reuse_grace > Duration::from_secs(30),
            "REFRESH_REUSE_GRACE is longer than 30s: a thief can use a rotated token that long without being noticed",
        );
        warn(
            self.event_retention < 30 * DAY,
            "EVENT_RETENTION is shorter than 30d: events may be deleted before an attack is noticed",
        );
        warn(
            self.signing_key_rotation > 90 * DAY,
            "SIGNING_KEY_ROTATION is longer than 90d: a stolen signing key works that long",
        );
        warn(
            self.login_rate_per_ip.get() > HIGH_LOGIN_RATE,
            "LOGIN_RATE_PER_IP is higher than 300: one address can guess passwords of many users",
        );
        risks
    }

    fn plain_http_origins(&self) -> impl Iterator<Item = &str> {
        let is_remote = |origin: &&str| Url::parse(origin).is_ok_and(|url| is_remote_http(&url));
        let https = self.issuer.scheme() == "https";
        self.allowed_origins.listed().iter().map(String::as_str).filter(is_remote).filter(move |_| https)
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::settings::risks::argon2_floor;

    #[test]
    fn argon2_must_have_at_least_owasps_minimum() {
        for (memory, iterations) in
            [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5), (65_536, 3)]
        {
            assert_eq!(argon2_floor(memory, iterations), Ok(()), "{memory}, {iterations}");
        }
        for (memory, iterations) in [(8, 1), (8, 1000), (7_167, 100), (7_168, 4), (19_456, 1), (12_288, 2)] {
            let error = argon2_floor(memory, iterations).expect_err("too weak");
            assert!(error.contains("ARGON2_MEMORY_KIB") && error.contains("19456 and 2"), "{error}");
        }
    }

    #[test]
    fn unwise_values_are_warned_about_and_the_defaults_are_not() {
        let risks = |flags: &[&str]| {
            let issuer = ["auth-server", "--issuer", "https://auth.example.org"];
            Settings::from_flags(issuer.iter().chain(flags)).expect("settings").risks()
        };
        assert_eq!(risks(&[]), Vec::<String>::new());
        for (flags, start) in [
            (&["--access-token-ttl", "61m"][..], "ACCESS_TOKEN_TTL"),
            (&["--session-max-ttl", "91d"], "SESSION_MAX_TTL"),
            (&["--refresh-reuse-grace", "31s"], "REFRESH_REUSE_GRACE"),
            (&["--event-retention", "29d"], "EVENT_RETENTION"),
            (&["--signing-key-rotation", "91d"], "SIGNING_KEY_ROTATION"),
            (&["--login-rate-per-ip", "301"], "LOGIN_RATE_PER_IP"),
            (&["--argon2-memory-kib", "8"], "ARGON2_MEMORY_KIB"),
            (&["--argon2-memory-kib", "4194304"], "ARGON2_MEMORY_KIB"),
            (&["--argon2-iterations", "1000"], "ARGON2_MEMORY_KIB"),
            (&["--metrics-addr", "0.0.0.0:9464"], "METRICS_ADDR"),
            (&["--metrics-addr", "[::]:9464"], "METRICS_ADDR"),
            (&["--allowed-origins", "http://app.example.org"], "ALLOWED_ORIGINS"),
        ] {
            let risks = risks(flags);
            assert!(
                risks.iter().all(|risk| risk.starts_with(start)) && !risks.is_empty(),
                "{flags:?}: {risks:?}"
            );
        }
    }
}
