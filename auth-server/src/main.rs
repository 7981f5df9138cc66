//! The auth server as a program: settings in, server out.

use std::process::ExitCode;
use std::sync::Arc;

use auth_server::cli::output::Report;
use auth_server::cli::{check, keys, migrate, sessions, users};
use auth_server::{AuthServer, Command, CommandLine, Settings, logging};
use server_kit::{healthcheck, listener};
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
        Some(Command::Keys { command, json }) => {
            logging::start(settings.log_format, logging::DEFAULT_FILTER);
            keys::run(&settings, command).await.map(|report| report.print(json))
        }
        Some(Command::Users { command, json }) => {
            logging::start(settings.log_format, logging::DEFAULT_FILTER);
            users::run(&settings, command, json).await.map(|report| report.print(json))
        }
        Some(Command::Sessions { command, json }) => {
            logging::start(settings.log_format, logging::DEFAULT_FILTER);
            sessions::run(&settings, command).await.map(|report| report.print(json))
        }
        Some(Command::Migrate { json }) => {
            logging::start(settings.log_format, logging::DEFAULT_FILTER);
            migrate::run(&settings).map(|report| report.print(json))
        }
        Some(Command::Check { json }) => {
            logging::start(settings.log_format, logging::DEFAULT_FILTER);
            let checked = check::run(&settings).await;
            checked.report.print(json);
            match checked.wrong {
                0 => Ok(()),
                wrong => Err(format!("a server would not start: {wrong} point(s) are wrong")),
            }
        }
        Some(Command::Healthcheck { json }) => {
            let asked = healthcheck::ask(settings.bind_addr).await;
            if json || asked.is_ok() {
                Report::of_health(&asked).print(json);
            }
            asked.map(drop)
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
