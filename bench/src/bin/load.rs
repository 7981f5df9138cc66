//! Sends a load to a running server and reports its speed.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use bench::PASSWORD;
use bench::load::{
    self, LOGIN_PATH, Plan, REGISTER_PATH, Tokens, Traffic, credentials, get, open_sessions, post,
};
use clap::{Args, Parser, Subcommand};

/// Sends a load over HTTP/1.1 from one thread, and reports requests per second and response times.
///
/// Exit status: 0 without an error, 1 with failed requests, 2 if an argument is wrong or the load cannot start.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,

    /// Number of connections
    #[arg(long, global = true, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,

    /// Length of the measurement, in seconds
    #[arg(long, global = true, default_value_t = 5.0)]
    seconds: f64,

    /// Time before the measurement, in seconds
    #[arg(long, global = true, default_value_t = 1.0)]
    warm_up: f64,

    /// Requests per second [default: as many as the connections can send]
    ///
    /// Response times then count from the time that a request is due, even if no connection is free at that time.
    #[arg(long, global = true)]
    rate: Option<f64>,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Mode {
    /// GET of a URL
    Get {
        /// `http://ADDRESS:PORT/PATH`
        url: String,
        /// Bearer token
        #[arg(long)]
        token: Option<String>,
        /// File with bearer tokens, one per line, each sent in turn
        #[arg(long, conflicts_with = "token")]
        tokens: Option<String>,
    },
    /// Refreshes: every session presents its latest token, in the body
    Refresh {
        /// `http://ADDRESS:PORT`
        url: String,
        #[command(flatten)]
        users: Accounts,
        /// File with refresh tokens, one per line, instead of new sessions
        #[arg(long)]
        tokens: Option<String>,
    },
    /// Logins
    Login {
        /// `http://ADDRESS:PORT`
        url: String,
        #[command(flatten)]
        users: Accounts,
        /// Further statuses that are no error
        #[arg(long, value_delimiter = ',')]
        accept: Vec<u16>,
    },
}

#[derive(Args)]
struct Accounts {
    /// Number of users, who log in in turn; for refreshes also the number of sessions
    #[arg(long, default_value_t = 64)]
    users: u32,
    /// E-mail address; `{}` becomes the number of the user
    #[arg(long, default_value = "user{}@example.org")]
    email: String,
    /// Password of all users
    #[arg(long, default_value = PASSWORD)]
    password: String,
    /// Register the users first
    #[arg(long)]
    register: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let plan = Plan {
        connections: arguments.connections.into(),
        rate: arguments.rate,
        warm_up: Duration::try_from_secs_f64(arguments.warm_up).map_err(|error| error.to_string())?,
        length: Duration::try_from_secs_f64(arguments.seconds).map_err(|error| error.to_string())?,
    };
    let (host, traffic) = traffic(&arguments.mode)?;
    let measured = load::run(&host, &traffic, plan);
    if arguments.json {
        println!("{:#}", measured.to_json());
    } else {
        println!("{measured}");
    }
    Ok(if measured.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn traffic(mode: &Mode) -> Result<(String, Traffic), String> {
    match mode {
        Mode::Get { url, token, tokens } => {
            let (host, path) = split(url)?;
            let requests = match tokens {
                Some(file) => lines(file)?.iter().map(|token| get(host, &path, Some(token))).collect(),
                None => vec![get(host, &path, token.as_deref())],
            };
            Ok((host.to_owned(), Traffic::prepared(requests)))
        }
        Mode::Refresh { url, users, tokens } => {
            let (host, _) = split(url)?;
            let tokens = match tokens {
                Some(file) => lines(file)?,
                None => users.sessions(host)?.into_iter().map(|session| session.refresh).collect(),
            };
            Ok((host.to_owned(), Traffic::refreshes(host, tokens)))
        }
        Mode::Login { url, users, accept } => {
            let (host, _) = split(url)?;
            if users.register {
                users.sessions(host)?;
            }
            let requests = users.credentials().iter().map(|body| post(host, LOGIN_PATH, body)).collect();
            Ok((host.to_owned(), Traffic::accepting(&[&[200], &accept[..]].concat(), requests)))
        }
    }
}

impl Accounts {
    fn credentials(&self) -> Vec<String> {
        let emails = (0..self.users).map(|number| self.email.replace("{}", &number.to_string()));
        emails.map(|email| credentials(&email, &self.password)).collect()
    }

    fn sessions(&self, host: &str) -> Result<Vec<Tokens>, String> {
        let path = if self.register { REGISTER_PATH } else { LOGIN_PATH };
        open_sessions(host, path, &self.credentials())
    }
}

fn split(url: &str) -> Result<(&str, String), String> {
    let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url}: expected http://ADDRESS:PORT"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok((host, format!("/{path}")))
}

fn lines(file: &str) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() { Err(format!("{file} is empty")) } else { Ok(lines) }
}
