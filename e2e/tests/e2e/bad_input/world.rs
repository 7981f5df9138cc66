//! Both servers, a person with a session, and a good call of every operation: what the rows of the table spoil.

use awc::http::Method;
use serde_json::{Value, json};
use test_support::{COOKIE_NAME, Call, Response};

use crate::document::{Document, Operation};
use crate::stack::{PASSWORD, Running, Stack, access_token};

/// Nobody's, and no session's.
const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

const FEED_TOKEN: &str = "feed-token-of-the-tests-0123456789abcdef";

/// Every operation, with a body that is good, and what a good call answers to somebody who is logged in. Where that
/// does more than to read, no row may let it happen, and it stands as 0.
const GOOD: [(&str, &str, u16); 36] = [
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
    ("POST /auth/reauthenticate", r#"{"password":"correct horse battery staple"}"#, 0),
    ("GET /auth/events", "", 200),
    ("GET /auth/sessions", "", 200),
    ("DELETE /auth/sessions/{id}", "", 0),
    ("GET /admin/users", "", 200),
    ("GET /admin/users/{id}", "", 404),
    ("PATCH /admin/users/{id}", r#"{"roles":["editor"],"claims":{"plan":"team"},"disabled":false}"#, 0),
    ("GET /admin/users/{id}/sessions", "", 404),
    ("DELETE /admin/users/{id}/sessions", "", 0),
    ("DELETE /admin/users/{id}/sessions/{session}", "", 0),
    ("GET /admin/events", "", 200),
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

/// Which of the two servers.
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
    /// An access token that is meant for a cookie, of another session.
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
    /// What a good call answers, where it may be made.
    pub good: Option<u16>,
}

/// One call of the table, and what has to come of it.
pub struct Cell {
    pub row: String,
    pub call: Call,
    pub expected: Expected,
}

#[derive(Clone, Copy)]
pub enum Expected {
    Status(u16),
    Problem(u16, &'static str),
    /// The framework's own answer to headers beyond its limit.
    HeadersTooLarge,
}

impl World {
    pub async fn start() -> Self {
        let stack = Stack::new();
        let auth = stack
            .start_auth_with(&["--login-rate-per-ip", "1000000", "--revocation-feed-token", FEED_TOKEN])
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

    /// A session that nothing has happened to yet.
    pub async fn log_in(&mut self) {
        let body = json!({"email": "ann@example.org", "password": PASSWORD});
        let answer = self.auth.post("/auth/login").json(&body).send().await.assert_status(200);
        self.access_token = access_token(&answer);
        self.refresh_token = answer.refresh_cookie().expect("a cookie");
        let mut for_cookie = body;
        for_cookie["token_delivery"] = json!("both_cookies");
        let answer = self.auth.post("/auth/login").json(&for_cookie).send().await.assert_status(200);
        answer.json()["csrf_token"].as_str().expect("a CSRF token").clone_into(&mut self.csrf_token);
        self.cookie_token = answer.cookie("__Host-access_token").expect("a cookie");
        let me = self
            .auth
            .get("/auth/sessions")
            .cookie(&self.refresh_token)
            .send()
            .await
            .assert_status(200)
            .json();
        let sessions = me["sessions"].as_array().expect("sessions").iter();
        let current =
            sessions.filter(|session| session["current"] == true).map(|session| session["id"].as_str());
        current.flatten().next().expect("the session").clone_into(&mut self.session);
    }

    pub fn server(&self, server: Server) -> &Running {
        match server {
            Server::Auth => &self.auth,
            Server::Api => &self.api,
        }
    }

    /// The session lives, and nobody has spent its token.
    pub fn assert_session_unharmed(&self) {
        let state = "CAST(generation AS TEXT) || ' ' || COALESCE(end_reason, 'alive')";
        let id = &self.session;
        let row =
            self.stack.database.db_text(&format!("SELECT {state} AS value FROM sessions WHERE id = '{id}'"));
        assert_eq!(row, "0 alive");
    }

    /// The same refresh token goes on, too.
    pub async fn assert_session_goes_on(&self) {
        let answer =
            self.auth.post("/auth/refresh").cookie(&self.refresh_token).send().await.assert_status(200);
        assert_eq!(answer.json()["rotation"], json!(1));
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
        self.operation.path.replace("{id}", NO_ID).replace("{session}", NO_ID)
    }

    /// It goes by the method that a proxy was asked by, of which these calls do not tell, so that it may be any.
    pub fn is_for_proxies(&self) -> bool {
        self.operation.path == "/verify"
    }

    /// What more than one token is. Proxies make a 500 of 400.
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

    /// With the token that it wants, and without a body.
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

    /// With the token and a good body.
    pub fn good(&self) -> Call {
        self.with_good_body(self.logged_in())
    }

    /// With a good body, if it takes any.
    pub fn with_good_body(&self, call: Call) -> Call {
        if self.body.is_empty() { call } else { with_body(call, self.body) }
    }

    /// The good body, as JSON, and with this member too.
    pub fn body_with(&self, name: &str, value: Value) -> Value {
        let mut body: Value = serde_json::from_str(self.body).expect("JSON");
        if self.operation.path == "/auth/login" && name == "username" {
            body.as_object_mut().expect("an object").remove("email");
        }
        body[name] = value;
        body
    }

    /// A cookie header with more than a cookie of ours.
    pub fn cookies(&self, before: &str, token: &str, after: &str) -> Call {
        self.bare().header("cookie", &format!("{before}{COOKIE_NAME}={token}{after}"))
    }
}

impl Expected {
    pub fn check(self, operation: &Operation, answer: Response) {
        match self {
            Self::Status(status) => operation.assert_documented(&answer.assert_status(status)),
            Self::Problem(status, code) => {
                let answer = answer.assert_problem(status, code);
                // One error alone may clear a cookie: that which means "log in again".
                let over = (operation.path.as_str(), code) == ("/auth/refresh", "session_ended");
                assert!(over || answer.set_cookie().is_none());
                if code != "method_not_allowed" {
                    operation.assert_documented(&answer);
                }
            }
            Self::HeadersTooLarge => assert_eq!((answer.status, answer.text().as_str()), (431, "")),
        }
    }
}

pub fn with_body(call: Call, body: impl Into<Vec<u8>>) -> Call {
    call.header("content-type", "application/json").raw(body)
}

/// No row of `GOOD` may be left over from an operation that is gone.
pub async fn assert_no_row_is_left_over(world: &World) {
    let mut names = Vec::new();
    for server in [&world.auth, &world.api] {
        names.extend(Document::of(server).await.operations().iter().map(Operation::name));
    }
    for (name, ..) in GOOD {
        assert!(names.iter().any(|known| known == name), "{name} is no operation any more");
    }
    assert_eq!(names.len(), GOOD.len());
}
