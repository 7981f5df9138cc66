//! Both servers in one process, on SQLite, to try them out: `cargo run`.
//!
//! Creates secrets and the first administrator by itself, and prints what to try. Not for production: there, each
//! server is its own program.

mod addresses;
mod administrator;
mod arguments;
mod certificate;
mod data_folder;
mod guide;
mod servers;
mod stack_file;
mod stop_signal;

use std::io::{self, Write};
use std::process::ExitCode;

use server_kit::command_line::{Failure, exit_code, from_process};
use server_kit::logging::{self, LogFormat};
use shared_claims::{Clock as _, SystemClock};

use addresses::Addresses;
use administrator::Administrator;
use arguments::Arguments;
use certificate::Certificate;
use data_folder::DataFolder;
use servers::Servers;
use stop_signal::StopSignal;

/// Without a line for each request, so that the guide stays visible.
const LOG_FILTER: &str = "info,actix_server=warn,access=off";

#[actix_web::main]
async fn main() -> ExitCode {
    exit_code("local-stack", run().await)
}

async fn run() -> Result<(), Failure> {
    let arguments: Arguments = from_process()?;
    let addresses = Addresses::reserve(arguments.auth_addr, arguments.api_addr, arguments.tls)?;
    let data = DataFolder::open(&arguments.data_dir)?;
    let prepare = || Certificate::prepare(&arguments.data_dir, SystemClock.now());
    let certificate = arguments.tls.then(prepare).transpose()?;
    let servers =
        Servers::build(addresses, &data, certificate.as_ref(), &arguments.allowed_origins()).await?;
    // From here on Ctrl-C is deferred: between creating the administrator and printing the password it would lose the
    // password.
    let stop = StopSignal::listen()?;
    let administrator = if arguments.setup_link {
        Administrator::Setup(servers.auth.setup_link().await?)
    } else {
        administrator::prepare(&servers.auth, arguments.new_password).await?
    };
    stack_file::write(&arguments.data_dir, addresses, administrator.password())?;
    print(&guide::text(addresses, &arguments.data_dir, &administrator, certificate.as_ref()))?;
    // Not earlier, because the servers warn about plain HTTP, which is intended here.
    logging::start(LogFormat::Text, LOG_FILTER);
    servers.warn_about_origins();
    Ok(servers.run(stop).await?)
}

fn print(text: &str) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| format!("cannot write to standard output: {error}"))
}
