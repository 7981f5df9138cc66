use futures_util::future::try_join_all;
use serde_json::json;

use super::connection::Connection;
use super::runtime;
use super::traffic::{accept, member, post};

/// The path of a login.
pub const LOGIN_PATH: &str = "/auth/login";
/// The path of a registration.
pub const REGISTER_PATH: &str = "/auth/register";
/// More would wait for the same cores, and the server limits how many wait.
const CONNECTIONS: usize = 8;

/// The tokens of a new session.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For resource servers.
    pub access: String,
    /// For the next refresh.
    pub refresh: String,
}

/// The body of a login or registration.
#[must_use]
pub fn credentials(email: &str, password: &str) -> String {
    json!({"email": email, "password": password, "token_delivery": "body"}).to_string()
}

/// Posts credentials to a path, and returns the tokens of the sessions that this opens.
///
/// # Errors
/// The server does not respond, or rejects a request.
pub fn open_sessions(host: &str, path: &str, credentials: &[String]) -> Result<Vec<Tokens>, String> {
    let connections = credentials.chunks(credentials.len().div_ceil(CONNECTIONS).max(1));
    let opened = try_join_all(connections.map(|some| open_some(host, path, some)));
    Ok(runtime().block_on(opened)?.concat())
}

async fn open_some(host: &str, path: &str, credentials: &[String]) -> Result<Vec<Tokens>, String> {
    let mut connection = Connection::new(host);
    let mut tokens = Vec::new();
    for body in credentials {
        let response =
            connection.exchange(&post(host, path, body)).await.map_err(|error| error.to_string())?;
        accept(&response, &[200, 201])?;
        let [access, refresh] = ["access_token", "refresh_token"].map(|name| member(response.body, name));
        tokens.push(Tokens { access: access?, refresh: refresh? });
    }
    Ok(tokens)
}
