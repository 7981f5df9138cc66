//! The auth server as a program: settings in, server out.

use std::process::ExitCode;
use std::sync::Arc;

use auth_server::{AuthServer, Settings, logging};
use shared_claims::SystemClock;

#[actix_web::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("auth-server: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), String> {
    let settings = Settings::from_flags_and_environment()?;
    logging::start(settings.log_format);
    let server = AuthServer::build(settings, Arc::new(SystemClock)).await?;
    log::info!("listening on {}", server.address());
    server.run().await.map_err(|error| error.to_string())
}
