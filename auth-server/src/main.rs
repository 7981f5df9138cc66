//! The auth server as a program: settings in, server out.

use std::process::ExitCode;
use std::sync::Arc;

use auth_server::{AuthServer, Command, CommandLine, Settings, cli, logging};
use server_kit::listener;
use shared_claims::SystemClock;

#[actix_web::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("auth-server: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let CommandLine { command, settings } = CommandLine::from_flags_and_environment()?;
    match command {
        None => serve(settings).await,
        Some(command) => {
            // The output of a health check is one line.
            if !matches!(command, Command::Healthcheck { .. }) {
                logging::start(settings.log_format, logging::DEFAULT_FILTER);
            }
            cli::run(&settings, command).await
        }
    }
}

async fn serve(settings: Settings) -> Result<(), String> {
    logging::start(settings.log_format, logging::DEFAULT_FILTER);
    listener::raise_fd_limit();
    let server = AuthServer::build(settings, Arc::new(SystemClock)).await?;
    log::info!("listening on {}", server.address());
    server.run().await.map_err(|error| error.to_string())
}
