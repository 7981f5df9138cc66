//! The resource server as a program: settings, logs, and then [`resource_server::build`].

use std::process::ExitCode;
use std::sync::Arc;

use resource_server::{Command, CommandLine, Settings, logging};
use server_kit::{healthcheck, listener};
use shared_claims::SystemClock;

#[actix_web::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("resource-server: {line}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let CommandLine { command, settings } = CommandLine::from_flags_and_environment()?;
    match command {
        None => serve(&settings).await,
        Some(Command::Healthcheck) => {
            healthcheck::ask(settings.bind_addr).await.map(|answer| println!("{answer}"))
        }
    }
}

async fn serve(settings: &Settings) -> Result<(), String> {
    logging::start(settings.log_format, logging::DEFAULT_FILTER);
    listener::raise_fd_limit();
    let running =
        resource_server::build(settings, Arc::new(SystemClock)).map_err(|error| error.to_string())?;
    running.server.await.map_err(|error| format!("the server broke off: {error}"))
}
