//! One story, told once through the command line and once through `/admin`: it ends in the same state.

use awc::http::Method;
use serde_json::{Value, json};
use test_support::{Program, TestDatabase};

use crate::app::{PASSWORD, Session};
use crate::command;
use crate::program;

/// What is done. Who does it matters to `/admin` alone: operators have no account.
enum Step {
    /// Registers, or logs in once more: the same in both stories.
    LogIn(&'static str),
    SetRoles(&'static str, &'static [&'static str]),
    SetClaims(&'static str, &'static str),
    Disable(&'static str),
    Enable(&'static str),
    EndSessions(&'static str),
    /// That which was opened last.
    EndSession(&'static str),
}

use Step::{Disable, Enable, EndSession, EndSessions, LogIn, SetClaims, SetRoles};

/// By whom, what, and whether it is done or refused for the sake of the last administrator.
const STORY: [(&str, Step, bool); 30] = [
    ("ann", LogIn("ann"), true),
    ("ann", LogIn("bob"), true),
    ("ann", LogIn("bob"), true),
    ("ann", LogIn("carl"), true),
    // Nothing is refused for the sake of somebody who is no administrator.
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
    // The last administrator, alone and beside one who is disabled.
    ("root", SetRoles("root", &["editor"]), false),
    ("root", Disable("root"), false),
    ("root", SetRoles("carl", &["admin"]), true),
    ("root", Disable("carl"), true),
    ("root", SetRoles("root", &[]), false),
    ("root", Disable("root"), false),
    // With another one they may go.
    ("root", Enable("carl"), true),
    ("carl", LogIn("carl"), true),
    ("carl", SetRoles("root", &["editor"]), true),
    ("carl", Disable("root"), true),
    ("carl", SetRoles("carl", &["admin", "editor"]), true),
    ("carl", SetRoles("carl", &[]), false),
];

/// Through which door.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    CommandLine,
    Admin,
}

struct World {
    door: Door,
    database: TestDatabase,
    server: Program,
    /// The newest session of each.
    sessions: Vec<(&'static str, Session)>,
}

#[actix_web::test]
async fn the_command_line_and_the_admin_calls_end_in_the_same_state() {
    let by_command = World::after_the_story(Door::CommandLine).await.state();
    let by_call = World::after_the_story(Door::Admin).await.state();
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

impl World {
    async fn after_the_story(door: Door) -> Self {
        let database = TestDatabase::fresh();
        let cheap = [("ARGON2_MEMORY_KIB", "8"), ("ARGON2_ITERATIONS", "1"), ("LOGIN_RATE_PER_IP", "1000")];
        let server = program::start(&database, &cheap).await;
        let mut world = Self { door, database, server, sessions: Vec::new() };
        world.log_in("root").await;
        command::run(&world.database, &["users", "set-roles", "root@example.org", "admin"], &[])
            .assert_done();
        for (number, (by, step, is_done)) in STORY.iter().enumerate() {
            let refusal = match (step, door) {
                (LogIn(name), _) => world.log_in(name).await,
                (_, Door::CommandLine) => world.command(step),
                (_, Door::Admin) => world.call(by, step).await,
            };
            assert_eq!(refusal.is_none(), *is_done, "step {number}: {refusal:?}");
            if let Some(refusal) = refusal {
                assert!(refusal.contains("last"), "step {number}: {refusal}");
            }
        }
        world
    }

    async fn log_in(&mut self, name: &'static str) -> Option<String> {
        let is_new = !self.sessions.iter().any(|(known, _)| *known == name);
        let path = if is_new { "/auth/register" } else { "/auth/login" };
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let answer = self.server.post(path).json(&body).send().await;
        self.sessions.push((name, Session::of(&answer)));
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

    /// Why it was refused, if it was.
    fn command(&self, step: &Step) -> Option<String> {
        let who = |name: &str| format!("{name}@example.org");
        let words = match step {
            LogIn(_) => unreachable!("the same in both stories"),
            SetRoles(name, []) => vec!["users".into(), "set-roles".into(), who(name), "--none".into()],
            SetRoles(name, roles) => {
                let roles = roles.iter().map(|role| (*role).to_owned());
                ["users".into(), "set-roles".into(), who(name)].into_iter().chain(roles).collect()
            }
            SetClaims(name, claims) => {
                vec!["users".into(), "set-claims".into(), who(name), (*claims).to_owned()]
            }
            Disable(name) => vec!["users".into(), "disable".into(), who(name)],
            Enable(name) => vec!["users".into(), "enable".into(), who(name)],
            EndSessions(name) => vec!["sessions".into(), "end".into(), who(name)],
            EndSession(name) => vec!["sessions".into(), "end".into(), who(name), self.session_id(name)],
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let outcome = command::run(&self.database, &words, &[]);
        (!outcome.succeeded).then_some(outcome.error)
    }

    async fn call(&self, by: &str, step: &Step) -> Option<String> {
        let path = |name: &str| format!("/admin/users/{}", self.session(name).user_id);
        let (method, path, body) = match step {
            LogIn(_) => unreachable!("the same in both stories"),
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
        let answer = call.send().await;
        (answer.status >= 300).then(|| answer.json()["code"].to_string())
    }

    /// Everything but ids, times, and who did it from where.
    fn state(&self) -> String {
        assert!(self.door == Door::CommandLine || self.database.db_dump().contains("127.0.0.1"));
        let people = "SELECT replace(email, '@example.org', '') || ' ' || roles || ' ' || claims || ' ' || \
                      CASE WHEN disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END || ' ' || CAST(version AS TEXT) AS value \
                      FROM users ORDER BY email";
        let sessions = "SELECT email || ' ' || COALESCE(end_reason, 'alive') || ' ' || CAST(generation AS TEXT) AS value \
                        FROM sessions JOIN users ON users.id = user_id ORDER BY sessions.created_at";
        let events = "SELECT type || ' ' || COALESCE(email, '-') || ' ' || CASE WHEN session_id IS NULL THEN '' ELSE 'session' END \
                      || details AS value FROM events LEFT JOIN users ON users.id = user_id ORDER BY events.id";
        let mut lines = self.database.db_texts(people);
        lines.extend(self.database.db_texts(sessions));
        lines.extend(self.database.db_texts(events).iter().map(|line| self.without_names(line)));
        lines.join("\n")
    }

    /// `by`, and the name of the key that was made.
    fn without_names(&self, line: &str) -> String {
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
        let is_person = self.sessions.iter().any(|(_, session)| *by == json!(session.user_id));
        // The first administrator is made by an operator in both stories.
        *by == json!("operator") || (self.door == Door::Admin && is_person)
    }
}
