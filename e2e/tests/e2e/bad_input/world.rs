//! Both servers, a user with a session, and a valid call of every operation, which the rows of the table make invalid.

use awc::http::Method;
use serde_json::{Value, json};
use test_support::{COOKIE_NAME, Call, Response, claims};

use crate::document::{Document, Operation};
use crate::stack::{PASSWORD, Running, Stack, access_token};

/// The id of no user and no session.
const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

const FEED_TOKEN: &str = "feed-token-of-the-tests-0123456789abcdef";

/// Every operation, with a valid body and the status of a valid call by a signed-in user. The status is 0 if the call
/// changes something: no row may let it succeed.
const GOOD: [(&str, &str, u16); 84] = [
    ("POST /auth/register", r#"{"email":"new@example.org","password":"correct horse battery staple"}"#, 0),
    ("POST /auth/login", r#"{"email":"ann@example.org","password":"correct horse battery staple"}"#, 0),
    ("POST /auth/refresh", "{}", 0),
    ("POST /auth/logout", "{}", 0),
    ("POST /auth/logout-all", "", 0),
    ("GET /auth/me", "", 200),
    ("PATCH /auth/me", r#"{"name":"Ann"}"#, 0),
    ("DELETE /auth/me", "", 0),
    (
        "POST /auth/password",
        r#"{"current_password":"correct horse battery staple","new_password":"another horse battery staple"}"#,
        0,
    ),
    ("POST /auth/password/strength", r#"{"password":"correct horse battery staple"}"#, 0),
    ("POST /auth/reauthenticate", r#"{"password":"correct horse battery staple"}"#, 0),
    ("POST /auth/passkey/options", "", 0),
    ("POST /auth/passkey/login", r#"{"credential":{}}"#, 0),
    ("POST /auth/reauthenticate/options", "", 0),
    ("POST /auth/factors/passkey/options", r#"{"kind":"passkey"}"#, 0),
    ("POST /auth/factors/passkey", r#"{"credential":{}}"#, 0),
    ("GET /.well-known/webauthn", "", 404),
    ("POST /auth/register/confirm", r#"{"token":"x","password":"correct horse battery staple"}"#, 0),
    ("POST /auth/login/factor", r#"{"challenge":"lkc_x","code":"123456"}"#, 0),
    ("POST /auth/login/enrol", r#"{"challenge":"lkc_x","kind":"totp"}"#, 0),
    ("POST /auth/login/enrol/confirm", r#"{"challenge":"lkc_x","code":"123456"}"#, 0),
    ("GET /auth/factors", "", 200),
    ("PATCH /auth/factors", r#"{"second_factor":true}"#, 0),
    ("POST /auth/factors/totp", "{}", 0),
    ("POST /auth/factors/totp/{id}/confirm", r#"{"code":"123456"}"#, 0),
    ("POST /auth/factors/recovery-codes", "", 0),
    ("PATCH /auth/factors/{id}", r#"{"name":"Phone"}"#, 0),
    ("DELETE /auth/factors/{id}", "", 0),
    ("GET /admin/users/{id}/factors", "", 404),
    ("DELETE /admin/users/{id}/factors", "", 0),
    ("POST /auth/email/verification", "", 0),
    ("POST /auth/email/verify", r#"{"token":"x","password":"correct horse battery staple"}"#, 0),
    ("POST /auth/password/forgot", r#"{"email":"ann@example.org"}"#, 0),
    ("POST /auth/password/reset", r#"{"token":"x","new_password":"another horse battery staple"}"#, 0),
    ("POST /admin/users/{id}/password-reset", "", 0),
    ("POST /admin/invitations/{id}/resend", "", 0),
    ("POST /auth/email", r#"{"email":"new@example.org"}"#, 0),
    ("POST /auth/email/confirm", r#"{"token":"x"}"#, 0),
    ("GET /auth/email/pending", "", 200),
    ("DELETE /auth/email/pending", "", 0),
    ("POST /auth/proofs/inspect", r#"{"token":"x"}"#, 0),
    ("POST /auth/invitations/accept", r#"{"token":"x","password":"correct horse battery staple"}"#, 0),
    (
        "POST /auth/setup",
        r#"{"token":"x","email":"new@example.org","password":"correct horse battery staple"}"#,
        0,
    ),
    ("GET /admin/invitations", "", 200),
    ("POST /admin/invitations", r#"{"email":"new@example.org","roles":["editor"]}"#, 0),
    ("DELETE /admin/invitations/{id}", "", 0),
    ("GET /auth/events", "", 200),
    ("GET /auth/sessions", "", 200),
    ("DELETE /auth/sessions", "", 0),
    ("DELETE /auth/sessions/{id}", "", 0),
    ("GET /admin/users", "", 200),
    ("POST /admin/users", r#"{"email":"new@example.org","roles":["editor"]}"#, 0),
    ("DELETE /admin/users/{id}", "", 0),
    ("GET /admin/users/{id}", "", 404),
    ("PATCH /admin/users/{id}", r#"{"roles":["editor"],"claims":{"plan":"team"},"disabled":false}"#, 0),
    ("GET /admin/users/{id}/sessions", "", 404),
    ("DELETE /admin/users/{id}/sessions", "", 0),
    ("DELETE /admin/users/{id}/sessions/{session}", "", 0),
    ("GET /admin/events", "", 200),
    ("GET /admin/servers", "", 200),
    ("GET /admin/mails", "", 200),
    ("POST /admin/mails/{id}/retry", "", 0),
    ("GET /admin/keys", "", 200),
    ("POST /admin/keys/rotate", "", 0),
    ("POST /admin/keys/{kid}/retire", "", 0),
    ("GET /admin/events.csv", "", 200),
    ("GET /admin/overview", "", 200),
    ("GET /admin/sessions", "", 200),
    ("GET /revocations", "", 200),
    ("GET /.well-known/jwks.json", "", 200),
    ("GET /.well-known/oauth-authorization-server", "", 200),
    ("GET /.well-known/openid-configuration", "", 200),
    ("GET /healthz", "", 200),
    ("GET /readyz", "", 200),
    ("GET /openapi.json", "", 200),
    ("GET /protected", "", 200),
    ("GET /profile", "", 200),
    ("GET /admin", "", 200),
    ("POST /transfer", "", 200),
    ("GET /greeting", "", 200),
    ("GET /verify", "", 204),
    ("GET /healthz", "", 200),
    ("GET /readyz", "", 200),
    ("GET /openapi.json", "", 200),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Auth,
    Api,
}

pub struct World {
    pub stack: Stack,
    pub auth: Running,
    pub api: Running,
    pub access_token: String,
    pub refresh_token: String,
    /// An access token of another session, issued for a cookie.
    pub cookie_token: String,
    pub csrf_token: String,
    session: String,
}

/// An operation, ready to be called.
pub struct Target<'a> {
    pub world: &'a World,
    pub server: Server,
    pub operation: &'a Operation,
    pub body: &'static str,
    /// The status of a valid call, if it changes nothing.
    pub good: Option<u16>,
}

/// One call of the table, and the expected response.
pub struct Cell {
    pub row: String,
    pub call: Call,
    pub expected: Expected,
}

#[derive(Clone, Copy)]
pub enum Expected {
    Status(u16),
    Problem(u16, &'static str),
    /// The framework's response to headers beyond its limit.
    HeadersTooLarge,
}

impl World {
    pub async fn start() -> Self {
        let stack = Stack::new();
        let auth = stack
            .start_auth_with(
                &[
                    &stack.mail_flags()[..],
                    &[
                        "--login-rate-per-ip",
                        "1000000",
                        "--account-rate-per-user",
                        "1000000",
                        // The clock stands still, so that none of them is the least recently used.
                        "--max-sessions-per-user",
                        "1000",
                        "--revocation-feed-token",
                        FEED_TOKEN,
                        "--mail-rate-per-ip",
                        "1000000",
                    ],
                ]
                .concat(),
            )
            .await;
        let api = stack.start_api_with(&["--accept-cookie=true"]);
        api.wait_until_ready().await;
        auth.register("ann").await;
        stack.database.db_execute(r#"UPDATE users SET roles = '["admin"]', version = version + 1"#);
        let mut world = Self {
            stack,
            auth,
            api,
            access_token: String::new(),
            refresh_token: String::new(),
            cookie_token: String::new(),
            csrf_token: String::new(),
            session: String::new(),
        };
        world.log_in().await;
        world
    }

    /// Starts a new session.
    pub async fn log_in(&mut self) {
        let body = json!({"email": "ann@example.org", "password": PASSWORD});
        let response = self.auth.post("/auth/login").json(&body).send().await.assert_status(200);
        self.access_token = access_token(&response);
        self.refresh_token = response.refresh_cookie().expect("a cookie");
        claims(&self.refresh_token)["sid"].as_str().expect("a session").clone_into(&mut self.session);
        let mut for_cookie = body;
        for_cookie["token_delivery"] = json!("both_cookies");
        let response = self.auth.post("/auth/login").json(&for_cookie).send().await.assert_status(200);
        response.json()["csrf_token"].as_str().expect("a CSRF token").clone_into(&mut self.csrf_token);
        self.cookie_token = response.cookie("__Host-access_token").expect("a cookie");
    }

    pub fn server(&self, server: Server) -> &Running {
        match server {
            Server::Auth => &self.auth,
            Server::Api => &self.api,
        }
    }

    /// The session is active, and its token has not been used.
    pub fn assert_session_unharmed(&self) {
        let state = "CAST(generation AS TEXT) || ' ' || COALESCE(end_reason, 'alive')";
        let id = &self.session;
        let row =
            self.stack.database.db_text(&format!("SELECT {state} AS value FROM sessions WHERE id = '{id}'"));
        assert_eq!(row, "0 alive");
    }

    /// The refresh token still works.
    pub async fn assert_session_goes_on(&self) {
        let response =
            self.auth.post("/auth/refresh").cookie(&self.refresh_token).send().await.assert_status(200);
        assert_eq!(response.json()["rotation"], json!(1));
    }
}

impl<'a> Target<'a> {
    /// The row of `GOOD` for an operation; each must have one.
    pub fn new(world: &'a World, server: Server, operation: &'a Operation) -> Self {
        let row = GOOD.iter().find(|(name, ..)| *name == operation.name());
        let (_, body, good) = row.unwrap_or_else(|| panic!("{} has no row in GOOD", operation.name()));
        Self { world, server, operation, body, good: (*good != 0).then_some(*good) }
    }

    pub fn path(&self) -> String {
        self.operation.path.replace("{id}", NO_ID).replace("{session}", NO_ID).replace("{kid}", NO_ID)
    }

    /// Whether it uses the method that a proxy reports. These calls report none, so that it counts as unsafe.
    pub fn is_for_proxies(&self) -> bool {
        self.operation.path == "/verify"
    }

    /// The response to more than one token. A proxy would turn 400 into 500.
    pub fn two_tokens(&self) -> Expected {
        if self.is_for_proxies() {
            Expected::Problem(401, "invalid_token")
        } else {
            Expected::Problem(400, "malformed_request")
        }
    }

    /// Without a token and without a body.
    pub fn bare(&self) -> Call {
        self.bare_as(self.operation.method.clone())
    }

    pub fn bare_as(&self, method: Method) -> Call {
        Call::new(method, format!("{}{}", self.world.server(self.server).url, self.path()))
    }

    /// With the required token, and without a body.
    pub fn logged_in(&self) -> Call {
        self.logged_in_as(self.operation.method.clone())
    }

    pub fn logged_in_as(&self, method: Method) -> Call {
        let call = self.bare_as(method);
        match self.server {
            Server::Auth if self.operation.path == "/revocations" => call.bearer(FEED_TOKEN),
            Server::Auth => call.cookie(&self.world.refresh_token),
            Server::Api => call.bearer(&self.world.access_token),
        }
    }

    /// With the token and a valid body.
    pub fn good(&self) -> Call {
        self.with_good_body(self.logged_in())
    }

    /// With a valid body, if the operation has one.
    pub fn with_good_body(&self, call: Call) -> Call {
        if self.body.is_empty() { call } else { with_body(call, self.body) }
    }

    /// The valid body as JSON, with one more member.
    pub fn body_with(&self, name: &str, value: Value) -> Value {
        let mut body: Value = serde_json::from_str(self.body).expect("JSON");
        if self.operation.path == "/auth/login" && name == "username" {
            body.as_object_mut().expect("an object").remove("email");
        }
        body[name] = value;
        body
    }

    /// A cookie header with other text before and after the cookie.
    pub fn cookies(&self, before: &str, token: &str, after: &str) -> Call {
        self.bare().header("cookie", &format!("{before}{COOKIE_NAME}={token}{after}"))
    }
}

impl Expected {
    pub fn check(self, operation: &Operation, response: Response) {
        match self {
            Self::Status(status) => operation.assert_documented(&response.assert_status(status)),
            Self::Problem(status, code) => {
                let response = response.assert_problem(status, code);
                // Only the error that means "log in again" may clear a cookie.
                let has_ended = (operation.path.as_str(), code) == ("/auth/refresh", "session_ended");
                assert!(has_ended || response.set_cookie().is_none());
                if code != "method_not_allowed" {
                    operation.assert_documented(&response);
                }
            }
            Self::HeadersTooLarge => assert_eq!((response.status, response.text().as_str()), (431, "")),
        }
    }
}

pub fn with_body(call: Call, body: impl Into<Vec<u8>>) -> Call {
    call.header("content-type", "application/json").raw(body)
}

/// Fails if a row of `GOOD` names an operation that no longer exists.
pub async fn assert_every_row_has_an_operation(world: &World) {
    let mut names = Vec::new();
    for server in [&world.auth, &world.api] {
        names.extend(Document::of(server).await.operations().iter().map(Operation::name));
    }
    for (name, ..) in GOOD {
        assert!(names.iter().any(|known| known == name), "{name} is not an operation");
    }
    assert_eq!(names.len(), GOOD.len());
}
