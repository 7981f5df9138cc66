//! Settings of passkeys.

use clap::Args;
use server_kit::settings::heading::PASSWORDS;
use server_kit::settings::web_origin;
use url::{Host, Url};
use webauthn::RelyingParty;

use crate::domain::passkeys::Passkeys;
use crate::model::{Mfa, derive_secret};
use crate::settings::{Secrets, Settings};

/// The origin of an Android app.
const ANDROID: &str = "android:apk-key-hash:";

/// Passkeys.
#[derive(Debug, Args)]
pub struct PasskeySettings {
    /// Domain that passkeys belong to [default: host of `ISSUER`]
    ///
    /// The host of `ISSUER` or a parent domain of it, such as `example.org`. A change makes all passkeys useless. There are no
    /// passkeys if the host is an IP address.
    #[arg(long, env, hide_short_help = true, help_heading = PASSWORDS)]
    webauthn_rp_id: Option<String>,

    /// Further origins that may use passkeys
    ///
    /// Separated by commas, such as `android:apk-key-hash:…` for an Android app, or `https://example.com`. The server's own
    /// origin and `ALLOWED_ORIGINS` always may. Browsers accept those outside the domain if `/.well-known/webauthn` lists them.
    #[arg(long, env, value_delimiter = ',', hide_short_help = true, help_heading = PASSWORDS)]
    webauthn_origins: Vec<String>,
}

impl PasskeySettings {
    /// # Errors
    /// One line that names the setting.
    pub(crate) fn check(&self, issuer: &Url) -> Result<(), String> {
        self.rp_id(issuer)?;
        let invalid = self.webauthn_origins.iter().filter(|origin| !origin.starts_with(ANDROID));
        for origin in invalid {
            web_origin(origin).map_err(|error| format!("WEBAUTHN_ORIGINS: {error}"))?;
        }
        Ok(())
    }

    /// `WEBAUTHN_RP_ID`. `None` if the issuer has no domain.
    fn rp_id(&self, issuer: &Url) -> Result<Option<String>, String> {
        let Some(Host::Domain(host)) = issuer.host() else {
            return match self.webauthn_rp_id {
                Some(_) => Err("WEBAUTHN_RP_ID requires an ISSUER with a domain".to_owned()),
                None => Ok(None),
            };
        };
        let id = self.webauthn_rp_id.as_deref().unwrap_or(host);
        let is_parent = || id.contains('.') && host.ends_with(&format!(".{id}"));
        if id != host && !is_parent() {
            return Err(format!("WEBAUTHN_RP_ID must be {host} or a parent domain of it"));
        }
        Ok(Some(id.to_owned()))
    }
}

impl Settings {
    /// `None` if there are no passkeys.
    pub(crate) fn passkeys(&self, secrets: &Secrets) -> Result<Option<Passkeys>, String> {
        let id = self.passkeys.rp_id(&self.issuer)?;
        let is_on = self.second_factors.mfa(secrets)? != Mfa::Off;
        let (Some(id), Some(secret), true) = (id, &secrets.key_encryption, is_on) else { return Ok(None) };
        let own = self.issuer.origin().ascii_serialization();
        let further = self.allowed_origins.listed().iter().chain(&self.passkeys.webauthn_origins);
        let origins = std::iter::once(own).chain(further.cloned()).collect();
        let relying_party = RelyingParty { id, name: self.mfa_issuer(), origins };
        Ok(Some(Passkeys::new(relying_party, &derive_secret(secret, b"latchkey webauthn challenges"))))
    }

    /// Whether second factors are on, but passkeys are not, because the issuer has no domain.
    pub(crate) fn lacks_domain_for_passkeys(&self) -> bool {
        !matches!(self.issuer.host(), Some(Host::Domain(_)))
    }
}
