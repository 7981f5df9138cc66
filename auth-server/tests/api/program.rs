//! The server as a separate process.

use test_support::{Program, TestDatabase, free_address};

use crate::app::{KEY_SECRET, REFRESH_SECRET};

const PATH: &str = env!("CARGO_BIN_EXE_auth-server");

pub async fn start(database: &TestDatabase, variables: &[(&str, &str)]) -> Program {
    Program::start(PATH, free_address(), &[&required(database), variables].concat()).await
}

/// Starts it without waiting.
pub fn spawn(database: &TestDatabase, variables: &[(&str, &str)]) -> Program {
    Program::spawn(PATH, free_address(), &[&required(database), variables].concat())
}

fn required(database: &TestDatabase) -> [(&str, &str); 3] {
    [
        ("JWT_REFRESH_SECRET", REFRESH_SECRET),
        ("KEY_ENCRYPTION_SECRET", KEY_SECRET),
        ("DATABASE_URL", &database.url),
    ]
}
