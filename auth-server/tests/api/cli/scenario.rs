//! One scenario, run through the command line and through `/admin`, leads to the same state.

use awc::http::Method;
use serde_json::{Value, json};
use test_support::{Program, TestDatabase};

use crate::app::{PASSWORD, Session};
use crate::command;
use crate::program;

/// One step of the scenario. Only `/admin` needs to know which user performs it.
enum Step {
    /// Registers, or logs in again. Both runs do this over HTTP.
    LogIn(&'static str),
    SetRoles(&'static str, &'static [&'static str]),
    SetClaims(&'static str, &'static str),
    Disable(&'static str),
    Enable(&'static str),
    EndSessions(&'static str),
    /// Ends the session that was created last.
    EndSession(&'static str),
}

use Step::{Disable, Enable, EndSession, EndSessions, LogIn, SetClaims, SetRoles};

/// The acting user, the step, and whether it succeeds. A step fails only to keep the last administrator.
const SCENARIO: [(&str, Step, bool); 30] = [
    ("ann", LogIn("ann"), true),
    ("ann", LogIn("bob"), true),
    ("ann", LogIn("bob"), true),
    ("ann", LogIn("carl"), true),
    // Changes to users who are not administrators always succeed.
    ("root", SetRoles("ann", &["editor", "analyst"]), true),
    ("root", SetRoles("ann", &["analyst", "editor"]), true),
    ("root", SetRoles("ann", &[]), true),
    ("root", SetClaims("ann", r#"{"plan":"team","seats":5}"#), true),
    ("root", SetClaims("ann", r#"{"seats":5,"plan":"team"}"#), true),
    ("root", Disable("bob"), true),
    ("root", Disable("bob"), true),
    ("root", Enable("bob"), true),
    ("root", Enable("bob"), true),
    ("bob", LogIn("bob"), true),
    ("bob", LogIn("bob"), true),
    ("root", EndSession("bob"), true),
    ("root", EndSessions("bob"), true),
    ("root", EndSessions("bob"), true),
    // The last enabled administrator, alone and beside a disabled one.
    ("root", SetRoles("root", &["editor"]), false),
    ("root", Disable("root"), false),
    ("root", SetRoles("carl", &["admin"]), true),
    ("root", Disable("carl"), true),
    ("root", SetRoles("root", &[]), false),
    ("root", Disable("root"), false),
    // With another enabled administrator, they can be demoted and disabled.
    ("root", Enable("carl"), true),
    ("carl", LogIn("carl"), true),
    ("carl", SetRoles("root", &["editor"]), true),
    ("carl", Disable("root"), true),
    ("carl", SetRoles("carl", &["admin", "editor"]), true),
    ("carl", SetRoles("carl", &[]), false),
];

/// Where the steps are performed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interface {
    CommandLine,
    Admin,
}

struct Run {
    interface: Interface,
    database: TestDatabase,
    server: Program,
    /// All sessions in order of creation, with the user's name.
    sessions: Vec<(&'static str, Session)>,
}

#[actix_web::test]
async fn commands_and_admin_calls_lead_to_the_same_state() {
    let by_command = Run::after_the_scenario(Interface::CommandLine).await.state();
    let by_call = Run::after_the_scenario(Interface::Admin).await.state();
    assert_eq!(by_command, by_call);
    for sign in [
        "carl [\"admin\",\"editor\"] {} enabled 5",
        "user_disabled",
        "roles_changed",
        "revoked",
        "claims_changed",
    ] {
        assert!(by_command.contains(sign), "{sign}: {by_command}");
    }
}

impl Run {
    async fn after_the_scenario(interface: Interface) -> Self {
        let database = TestDatabase::fresh();
        let cheap = [("ARGON2_MEMORY_KIB", "8"), ("ARGON2_ITERATIONS", "1"), ("LOGIN_RATE_PER_IP", "1000")];
        let server = program::start(&database, &cheap).await;
        let mut run = Self { interface, database, server, sessions: Vec::new() };
        run.log_in("root").await;
        command::run(&run.database, &["users", "set-roles", "root@example.org", "admin"], &[])
            .assert_succeeded();
        for (number, (by, step, succeeds)) in SCENARIO.iter().enumerate() {
            let error = match (step, interface) {
                (LogIn(name), _) => run.log_in(name).await,
                (_, Interface::CommandLine) => run.command(step),
                (_, Interface::Admin) => run.call(by, step).await,
            };
            assert_eq!(error.is_none(), *succeeds, "step {number}: {error:?}");
            if let Some(error) = error {
                assert!(error.contains("last"), "step {number}: {error}");
            }
        }
        run
    }

    async fn log_in(&mut self, name: &'static str) -> Option<String> {
        let is_new = !self.sessions.iter().any(|(known, _)| *known == name);
        let path = if is_new { "/auth/register" } else { "/auth/login" };
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let response = self.server.post(path).json(&body).send().await;
        self.sessions.push((name, Session::of(&response)));
        None
    }

    fn session(&self, name: &str) -> &Session {
        let (_, session) = self.sessions.iter().rfind(|(known, _)| *known == name).expect("a login");
        session
    }

    fn session_id(&self, name: &str) -> String {
        let claims = crate::app::claims(&self.session(name).refresh_token);
        claims["sid"].as_str().expect("a session").to_owned()
    }

    /// Returns the error, if the step fails.
    fn command(&self, step: &Step) -> Option<String> {
        let email = |name: &str| format!("{name}@example.org");
        let arguments = match step {
            LogIn(_) => unreachable!("the same in both runs"),
            SetRoles(name, []) => vec!["users".into(), "set-roles".into(), email(name), "--none".into()],
            SetRoles(name, roles) => {
                let roles = roles.iter().map(|role| (*role).to_owned());
                ["users".into(), "set-roles".into(), email(name)].into_iter().chain(roles).collect()
            }
            SetClaims(name, claims) => {
                vec!["users".into(), "set-claims".into(), email(name), (*claims).to_owned()]
            }
            Disable(name) => vec!["users".into(), "disable".into(), email(name)],
            Enable(name) => vec!["users".into(), "enable".into(), email(name)],
            EndSessions(name) => vec!["sessions".into(), "end".into(), email(name)],
            EndSession(name) => vec!["sessions".into(), "end".into(), email(name), self.session_id(name)],
        };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = command::run(&self.database, &arguments, &[]);
        (!outcome.succeeded).then_some(outcome.error)
    }

    async fn call(&self, by: &str, step: &Step) -> Option<String> {
        let path = |name: &str| format!("/admin/users/{}", self.session(name).user_id);
        let (method, path, body) = match step {
            LogIn(_) => unreachable!("the same in both runs"),
            SetRoles(name, roles) => (Method::PATCH, path(name), Some(json!({"roles": roles}))),
            SetClaims(name, claims) => {
                let claims: Value = serde_json::from_str(claims).expect("JSON");
                (Method::PATCH, path(name), Some(json!({"claims": claims})))
            }
            Disable(name) => (Method::PATCH, path(name), Some(json!({"disabled": true}))),
            Enable(name) => (Method::PATCH, path(name), Some(json!({"disabled": false}))),
            EndSessions(name) => (Method::DELETE, path(name) + "/sessions", None),
            EndSession(name) => (Method::DELETE, path(name) + "/sessions/" + &self.session_id(name), None),
        };
        let call = self.server.call(method, &path).cookie(&self.session(by).refresh_token);
        let call = if let Some(body) = body { call.json(&body) } else { call };
        let response = call.send().await;
        (response.status >= 300).then(|| response.json()["code"].to_string())
    }

    /// Everything except ids, times, actors and addresses.
    fn state(&self) -> String {
        assert!(self.interface == Interface::CommandLine || self.database.db_dump().contains("127.0.0.1"));
        let users = "SELECT replace(email, '@example.org', '') || ' ' || roles || ' ' || claims || ' ' || \
                      CASE WHEN disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END || ' ' || CAST(version AS TEXT) AS value \
                      FROM users ORDER BY email";
        let sessions = "SELECT email || ' ' || COALESCE(end_reason, 'active') || ' ' || CAST(generation AS TEXT) AS value \
                        FROM sessions JOIN users ON users.id = user_id ORDER BY sessions.created_at";
        let events = "SELECT type || ' ' || COALESCE(email, '-') || ' ' || CASE WHEN session_id IS NULL THEN '' ELSE 'session' END \
                      || details AS value FROM events LEFT JOIN users ON users.id = user_id ORDER BY events.id";
        let mut lines = self.database.db_texts(users);
        lines.extend(self.database.db_texts(sessions));
        lines.extend(self.database.db_texts(events).iter().map(|line| self.without_actors_and_keys(line)));
        lines.join("\n")
    }

    /// Replaces the actor, and the id and time of the key.
    fn without_actors_and_keys(&self, line: &str) -> String {
        let Some((event, details)) = line.split_once('{') else { return line.to_owned() };
        let mut details: Value = serde_json::from_str(&format!("{{{details}")).expect("JSON");
        for name in ["by", "kid", "active_from"] {
            if let Some(value) = details.get_mut(name) {
                assert!(name != "by" || self.is_known(value), "{line}");
                *value = json!("...");
            }
        }
        format!("{event}{details}")
    }

    fn is_known(&self, by: &Value) -> bool {
        let is_user = self.sessions.iter().any(|(_, session)| *by == json!(session.user_id));
        // An operator makes the first administrator in both runs.
        *by == json!("operator") || (self.interface == Interface::Admin && is_user)
    }
}
