use std::net::SocketAddr;

use serde_json::json;
use test_support::{Program, Response, TestDatabase, free_address};

pub const PASSWORD: &str = "correct horse battery staple";

/// Whether the tests run on PostgreSQL. Tests that do not depend on the database run only on SQLite.
pub fn on_postgres() -> bool {
    std::env::var_os("LATCHKEY_TEST_DATABASE_URL").is_some()
}

pub const AUTH_SERVER: &str = env!("CARGO_BIN_EXE_auth-server-under-test");
pub const RESOURCE_SERVER: &str = env!("CARGO_BIN_EXE_resource-server-under-test");

/// The address and the database of an auth server, which outlive the server.
pub struct Deployment {
    pub address: SocketAddr,
    pub database: TestDatabase,
}

impl Deployment {
    pub fn new() -> Self {
        Self::with(TestDatabase::fresh())
    }

    pub fn with(database: TestDatabase) -> Self {
        Self { address: free_address(), database }
    }

    pub async fn start(&self) -> Program {
        self.start_with(&[]).await
    }

    pub async fn start_with(&self, more: &[(&str, &str)]) -> Program {
        self.start_at(self.address, more).await
    }

    /// Another server at this address, on the same database and with the same issuer.
    pub async fn start_at(&self, address: SocketAddr, more: &[(&str, &str)]) -> Program {
        self.start_program(AUTH_SERVER, address, more).await
    }

    /// Starts it through a program that prepares its environment and executes it.
    pub async fn start_program(&self, program: &str, address: SocketAddr, more: &[(&str, &str)]) -> Program {
        let issuer = format!("http://{}", self.address);
        let mut variables = vec![
            ("DATABASE_URL", self.database.url.as_str()),
            ("ISSUER", &issuer),
            ("JWT_REFRESH_SECRET", "refresh-secret-of-the-tests-0123456789"),
            ("KEY_ENCRYPTION_SECRET", "key-secret-of-the-tests-0123456789abcd"),
            ("ARGON2_MEMORY_KIB", "8"),
            ("ARGON2_ITERATIONS", "1"),
            ("LOGIN_RATE_PER_IP", "1000000"),
            ("ACCOUNT_RATE_PER_USER", "1000000"),
            ("MAX_SESSIONS_PER_USER", "1000"),
        ];
        variables.extend(more);
        Program::start(program, address, &variables).await
    }
}

/// A resource server that accepts tokens of this issuer.
pub async fn start_api(issuer: &str) -> Program {
    start_api_with(issuer, &[]).await
}

pub async fn start_api_with(issuer: &str, more: &[(&str, &str)]) -> Program {
    let variables = [&[("ISSUER", issuer), ("RUST_LOG", "warn")], more].concat();
    Program::start(RESOURCE_SERVER, free_address(), &variables).await
}

pub async fn register(server: &Program, name: &str) -> Response {
    let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    server.post("/auth/register").json(&user).send().await.assert_status(201)
}

#[actix_web::test]
async fn a_session_survives_a_killed_server() {
    let deployment = Deployment::new();
    let server = deployment.start().await;
    let token = register(&server, "ann").await.refresh_cookie().expect("a cookie");
    server.kill();
    let server = deployment.start().await;
    server.post("/auth/refresh").cookie(&token).send().await.assert_status(200);
}
