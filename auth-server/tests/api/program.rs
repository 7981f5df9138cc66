//! The server as a separate process.

use test_support::{Program, TestDatabase, free_address};

use crate::app::{KEY_SECRET, REFRESH_SECRET};

pub async fn start(database: &TestDatabase, variables: &[(&str, &str)]) -> Program {
    let required = [
        ("JWT_REFRESH_SECRET", REFRESH_SECRET),
        ("KEY_ENCRYPTION_SECRET", KEY_SECRET),
        ("DATABASE_URL", &database.url),
    ];
    let path = env!("CARGO_BIN_EXE_auth-server");
    Program::start(path, free_address(), &[&required, variables].concat()).await
}
