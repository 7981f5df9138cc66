//! The program: parses the command line, and then serves or runs a command.

use std::process::ExitCode;
use std::sync::Arc;

use auth_server::{AuthServer, Command, CommandLine, Settings, cli};
use server_kit::command_line::{Failure, exit_code};
use server_kit::{listener, logging};
use shared_claims::SystemClock;

#[actix_web::main]
async fn main() -> ExitCode {
    exit_code("auth-server", run().await)
}

async fn run() -> Result<(), Failure> {
    let CommandLine { command, settings } = CommandLine::from_process()?;
    match command {
        None => serve(&settings).await,
        Some(command) => {
            // The output of a health check is one line.
            if !matches!(command, Command::Healthcheck { .. }) {
                logging::start(settings.log_format, logging::COMMAND_FILTER);
            }
            Ok(cli::run(&settings, command).await?)
        }
    }
}

async fn serve(settings: &Settings) -> Result<(), Failure> {
    logging::start(settings.log_format, logging::DEFAULT_FILTER);
    listener::raise_fd_limit();
    let server = AuthServer::build(settings, Arc::new(SystemClock)).await?;
    let with_tls = if settings.tls.is_on() { " with TLS" } else { "" };
    log::info!("listening on {}{with_tls}", server.address());
    server.log_setup_link().await?;
    server.run().await.map_err(|error| Failure::Runtime(error.to_string()))
}
