//! Both servers in one process, on SQLite, to be tried out: `cargo run`.
//!
//! It makes the secrets and the first administrator by itself, and prints what to try. Nothing here is for
//! production: there, each server is a program of its own.

mod addresses;
mod administrator;
mod arguments;
mod data_folder;
mod guide;
mod servers;
mod stop_signal;

use std::io::{self, Write};
use std::process::ExitCode;

use auth_server::logging;
use auth_server::settings::LogFormat;
use clap::Parser;

use addresses::Addresses;
use arguments::Arguments;
use data_folder::DataFolder;
use servers::Servers;
use stop_signal::StopSignal;

/// No line for each request: the terminal shows what to try.
const LOG_FILTER: &str = "info,actix_server=warn,access=off";

#[actix_web::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("local-stack: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let addresses = Addresses::reserve(arguments.auth_addr, arguments.api_addr)?;
    let data = DataFolder::open(&arguments.data_dir)?;
    let servers = Servers::build(addresses, &data).await?;
    // From here on Ctrl-C waits: between making the administrator and printing the password it would lose it.
    let stop = StopSignal::listen()?;
    let password = administrator::create(&servers.auth).await?;
    print(&guide::text(addresses, &arguments.data_dir, password.as_ref()))?;
    // Not earlier: what the servers warn about at their start (plain http) is meant to be so here.
    logging::start(LogFormat::Text, LOG_FILTER);
    servers.run(stop).await
}

fn print(text: &str) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| format!("cannot print to standard output: {error}"))
}
