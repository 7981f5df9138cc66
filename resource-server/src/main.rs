//! The program: parses the command line, and then serves or checks the health of a running server.

use std::process::ExitCode;
use std::sync::Arc;

use resource_server::{Command, CommandLine, ResourceServer, Settings};
use server_kit::command_line::{Failure, exit_code};
use server_kit::{healthcheck, listener, logging};
use shared_claims::SystemClock;

#[actix_web::main]
async fn main() -> ExitCode {
    exit_code("resource-server", run().await)
}

async fn run() -> Result<(), Failure> {
    let CommandLine { command, settings } = CommandLine::from_process()?;
    match command {
        None => serve(&settings).await,
        Some(Command::Healthcheck) => {
            println!("{}", healthcheck::check(settings.bind_addr, settings.tls.is_on()).await?);
            Ok(())
        }
        Some(Command::Reference(reference)) => Ok(reference.print::<CommandLine>()?),
    }
}

async fn serve(settings: &Settings) -> Result<(), Failure> {
    logging::start(settings.log_format, logging::DEFAULT_FILTER);
    listener::raise_fd_limit();
    let server = ResourceServer::build(settings, Arc::new(SystemClock))?;
    let (address, issuer, audience) = (server.address(), settings.issuer(), &settings.audience);
    let scheme = if settings.tls.is_on() { "https" } else { "http" };
    log::info!("listening on {scheme}://{address}, for tokens of {issuer} with audience {audience}");
    server.run().await.map_err(|error| Failure::Runtime(error.to_string()))
}
