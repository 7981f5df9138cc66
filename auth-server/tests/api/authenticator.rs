//! A user's authenticator app and recovery codes.

use awc::http::Method;
use serde_json::{Value, json};
use shared_claims::Clock;
use test_support::{Response, evidence, totp_code};

use crate::app::{Session, TestApp};

pub struct Authenticator {
    pub id: String,
    pub secret: String,
    pub recovery_codes: Vec<String>,
}

impl Authenticator {
    /// Sets up an app. The code of the current time step is spent.
    pub async fn set_up(app: &TestApp, session: &Session) -> Self {
        let new = Self::add(app, session).await.assert_status(201).json();
        let mut authenticator = Self::of(&new);
        let confirmed = authenticator.confirm(app, session, &json!({})).await.assert_status(200);
        authenticator.recovery_codes = codes(&confirmed.json());
        authenticator
    }

    pub async fn add(app: &TestApp, session: &Session) -> Response {
        app.post("/auth/factors/totp").cookie(&session.refresh_token).send().await
    }

    pub fn of(new: &Value) -> Self {
        let text = |name: &str| new[name].as_str().expect(name).to_owned();
        evidence::secret(&text("secret"));
        Self { id: text("id"), secret: text("secret"), recovery_codes: Vec::new() }
    }

    pub async fn confirm(&self, app: &TestApp, session: &Session, more: &Value) -> Response {
        let path = format!("/auth/factors/totp/{}/confirm", self.id);
        let mut body = json!({"code": self.code(app, 0)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.post(&path).cookie(&session.refresh_token).json(&body).send().await
    }

    /// The code that the app shows now, or `offset` time steps later.
    pub fn code(&self, app: &TestApp, offset: i64) -> String {
        totp_code(&self.secret, app.clock.now().timestamp() / 30 + offset)
    }

    /// A code that the app does not show in this minute.
    pub fn wrong_code(&self, app: &TestApp) -> String {
        let near: Vec<String> = (-1..=1).map(|offset| self.code(app, offset)).collect();
        let wrong = (0..4).map(|digit| digit.to_string().repeat(6)).find(|code| !near.contains(code));
        wrong.expect("one of four")
    }
}

/// The recovery codes of a response, if it has any.
pub fn codes(body: &Value) -> Vec<String> {
    let codes = body["recovery_codes"].as_array().into_iter().flatten();
    let codes: Vec<String> = codes.map(|code| code.as_str().expect("a code").to_owned()).collect();
    for code in &codes {
        evidence::secret(code);
    }
    codes
}

impl TestApp {
    /// Enters the right password, and returns the challenge.
    pub async fn challenge(&self, name: &str) -> String {
        let response = self.try_login(name, &json!({})).await.assert_problem(401, "mfa_required");
        let challenge = response.json()["challenge"].as_str().expect("a challenge").to_owned();
        evidence::secret(&challenge);
        challenge
    }

    pub async fn answer(&self, challenge: &str, answer: &Value) -> Response {
        let mut body = json!({"challenge": challenge});
        body.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        self.post("/auth/login/factor").json(&body).send().await
    }

    /// The types of the user's events, each with its details.
    pub fn db_events(&self, user: &str) -> Vec<String> {
        let query = format!(
            "SELECT type || ' ' || details AS value FROM events WHERE user_id = '{user}' ORDER BY id"
        );
        self.database.db_texts(&query)
    }

    pub async fn factors(&self, session: &Session) -> Value {
        self.get_json(session, "/auth/factors").await
    }

    pub async fn change_factors(
        &self,
        session: &Session,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Response {
        let call = self.call(method, &format!("/auth/factors{path}")).cookie(&session.refresh_token);
        call.json(body).send().await
    }
}
