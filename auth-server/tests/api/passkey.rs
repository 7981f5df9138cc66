//! Passkeys on a software authenticator, and the calls that they are used in.

use awc::http::Method;
use serde_json::{Value, json};
use test_support::Authenticator as Passkey;
use test_support::Response;
use test_support::authenticator::USER_PRESENT;

use crate::app::{Session, TestApp};

/// The default of `ISSUER`.
pub const ORIGIN: &str = "http://localhost:8080";
pub const RP_ID: &str = "localhost";

pub fn passkey() -> Passkey {
    Passkey::new(RP_ID, ORIGIN)
}

/// Bound to one device, with a counter.
pub fn device_bound() -> Passkey {
    Passkey::device_bound(RP_ID, ORIGIN)
}

/// An old key: a counter, no user verification, and no user handle.
pub fn security_key() -> Passkey {
    let mut key = device_bound();
    key.flags = USER_PRESENT;
    key
}

impl TestApp {
    pub async fn passkey_options(&self, session: &Session, kind: &str) -> Value {
        let options = json!({"kind": kind});
        let response = self.change_factors(session, Method::POST, "/passkey/options", &options).await;
        response.assert_status(200).json()
    }

    /// Registers the passkey in a fresh session.
    pub async fn add_passkey(&self, session: &Session, passkey: &mut Passkey, kind: &str) -> Value {
        let options = self.passkey_options(session, kind).await;
        let credential = json!({"credential": passkey.register(&options)});
        let response = self.change_factors(session, Method::POST, "/passkey", &credential).await;
        response.assert_status(201).json()
    }

    pub async fn login_options(&self) -> Value {
        self.post("/auth/passkey/options").send().await.assert_status(200).json()
    }

    pub async fn log_in_with_passkey(&self, passkey: &Passkey) -> Response {
        self.present(&passkey.assert(&self.login_options().await)).await
    }

    pub async fn present(&self, credential: &Value) -> Response {
        self.post("/auth/passkey/login").json(&json!({"credential": credential})).send().await
    }

    /// Enters the right password. Returns the challenge, and the options for the user's passkeys.
    pub async fn passkey_challenge(&self, name: &str) -> (String, Value) {
        let response = self.try_login(name, &json!({})).await.assert_problem(401, "mfa_required");
        let mut problem = response.json();
        let challenge = problem["challenge"].as_str().expect("a challenge").to_owned();
        test_support::evidence::secret(&challenge);
        (challenge, problem["passkey_options"].take())
    }
}
