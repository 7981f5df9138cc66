//! `auth-server users`: looks after people without the servers.

use std::io::{IsTerminal as _, Write as _};

use clap::Subcommand;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use shared_claims::{Clock, SystemClock, strict_json};

use crate::cli::import;
use crate::cli::new_password::{NewPassword, hasher};
use crate::cli::output::Report;
use crate::cli::user_output::{find, listed, shown};
use crate::domain::users::admin::{self, AdministrationError, Change};
use crate::domain::users::registration::{NewPerson, RegistrationError};
use crate::domain::users::search::{self, Search};
use crate::model::{ClientInfo, CustomClaims, DisplayName, Email, Roles, User, Username};
use crate::settings::Settings;
use crate::store::Database;

/// What to do with people. WHO is an id, an e-mail address or a username.
#[derive(Clone, Debug, Subcommand)]
pub enum UsersCommand {
    /// Make a person; a random password is printed, unless one is given
    Create {
        /// E-mail address
        email: String,
        /// To log in with, beside the address
        #[arg(long)]
        username: Option<String>,
        /// How to greet them
        #[arg(long)]
        name: Option<String>,
        /// What they may do; can be given several times
        #[arg(long = "role")]
        roles: Vec<String>,
        /// What their access tokens say beside our own claims: a JSON object
        #[arg(long)]
        claims: Option<String>,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Find people by how their e-mail address or username begins
    List {
        /// How it begins, or an id; all without it
        #[arg(long)]
        q: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// What the list before named, to see more
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show one person
    Show {
        /// Id, e-mail address or username
        who: String,
    },
    /// Say all that a person may do: what is not named is taken away
    SetRoles {
        /// Id, e-mail address or username
        who: String,
        /// 1 to 32 of a-z, 0-9, _ and -; `admin` may administer
        #[arg(required_unless_present = "none")]
        roles: Vec<String>,
        /// No role at all
        #[arg(long, conflicts_with = "roles")]
        none: bool,
    },
    /// Say all that a person's access tokens say beside our own claims
    SetClaims {
        /// Id, e-mail address or username
        who: String,
        /// A JSON object of at most 1 KiB; `{}` for nothing
        claims: String,
    },
    /// Keep a person out, and end their sessions
    Disable {
        /// Id, e-mail address or username
        who: String,
    },
    /// Let a person in again
    Enable {
        /// Id, e-mail address or username
        who: String,
    },
    /// Give a person another password, and end their sessions; a random one is printed, unless one is given
    ResetPassword {
        /// Id, e-mail address or username
        who: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Delete a person with everything that belongs to them; their events keep no more than the id
    Delete {
        /// Id, e-mail address or username
        who: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Bring people along from another system, with their password hashes: see docs/import.md
    Import(import::Import),
}

/// Does it, and says what was done.
///
/// # Errors
/// One line that says why nothing was done.
pub async fn run(settings: &Settings, command: UsersCommand, as_json: bool) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    match command {
        UsersCommand::Create { email, username, name, roles, claims, password_stdin } => {
            let password = NewPassword::get(password_stdin)?;
            let person = person(&email, username.as_deref(), name.as_deref(), password.password.clone())?;
            let claims = claims.as_deref().map(parse_claims).transpose()?;
            let change = Change { roles: Some(parse_roles(&roles)?), claims, disabled: None };
            let user = create(settings, &database, person, change).await?;
            let Report { text, json } = shown(&user);
            Ok(password.tell(Report { text: format!("created\n{text}"), json }))
        }
        UsersCommand::List { q, limit, cursor } => {
            let search = q.map_or_else(|| Ok(Search::everybody()), |q| q.parse());
            let search = search.map_err(|error: search::InvalidSearch| format!("--q {error}"))?;
            let cursor = cursor.map(|cursor| cursor.parse()).transpose();
            let cursor = cursor.map_err(|_| "--cursor is not what a list before named".to_owned())?;
            let page = search::page(&database, search, cursor, limit).await;
            Ok(listed(&page.map_err(|error| error.to_string())?))
        }
        UsersCommand::Show { who } => Ok(shown(&find(&database, &who).await?)),
        UsersCommand::SetRoles { who, roles, none: _ } => {
            let roles = Some(parse_roles(&roles)?);
            change(&database, &who, Change { roles, ..Change::default() }).await
        }
        UsersCommand::SetClaims { who, claims } => {
            let claims = Some(parse_claims(&claims)?);
            change(&database, &who, Change { claims, ..Change::default() }).await
        }
        UsersCommand::Disable { who } => {
            change(&database, &who, Change { disabled: Some(true), ..Change::default() }).await
        }
        UsersCommand::Enable { who } => {
            change(&database, &who, Change { disabled: Some(false), ..Change::default() }).await
        }
        UsersCommand::ResetPassword { who, password_stdin } => {
            let user = find(&database, &who).await?;
            let password = NewPassword::get(password_stdin)?;
            reset_password(settings, &database, &user, password.password.clone()).await?;
            let text = format!("{} has another password, and no session any more", user.email);
            Ok(password.tell(Report { text, json: json!({"id": user.id.to_string()}) }))
        }
        UsersCommand::Delete { who, yes } => {
            let user = find(&database, &who).await?;
            if !yes {
                confirm(&user)?;
            }
            let deleted = admin::delete(&database, user.id, &ClientInfo::operator(), SystemClock.now()).await;
            deleted.map_err(refused)?;
            let id = user.id.to_string();
            Ok(Report { text: format!("deleted {} ({id})", user.email), json: json!({"deleted": id}) })
        }
        UsersCommand::Import(wanted) => import::run(&database, &wanted, as_json).await,
    }
}

async fn create(
    settings: &Settings,
    database: &Database,
    person: NewPerson,
    change: Change,
) -> Result<User, String> {
    let (passwords, operator) = (hasher(settings)?, ClientInfo::operator());
    let now = SystemClock.now();
    admin::create(database, &passwords, person, change, &operator, now).await.map_err(|error| match error {
        RegistrationError::WeakPassword(weak) => format!("the password {weak}"),
        other => other.to_string(),
    })
}

async fn change(database: &Database, who: &str, change: Change) -> Result<Report, String> {
    let user = find(database, who).await?;
    let operator = ClientInfo::operator();
    let changed = admin::change(database, user.id, change, &operator, SystemClock.now()).await;
    Ok(shown(&changed.map_err(refused)?))
}

async fn reset_password(
    settings: &Settings,
    database: &Database,
    user: &User,
    password: SecretString,
) -> Result<(), String> {
    let (passwords, operator) = (hasher(settings)?, ClientInfo::operator());
    let now = SystemClock.now();
    let reset = admin::reset_password(database, &passwords, user, password, &operator, now).await;
    reset.map_err(|error| error.to_string())
}

fn person(
    email: &str,
    username: Option<&str>,
    name: Option<&str>,
    password: SecretString,
) -> Result<NewPerson, String> {
    let username = username.map(Username::parse).transpose();
    let name = name.map(DisplayName::parse).transpose();
    Ok(NewPerson {
        email: Email::parse(email).map_err(|error| format!("{email:?} {error}"))?,
        username: username.map_err(|error| format!("--username {error}"))?,
        name: name.map_err(|error| format!("--name {error}"))?,
        password,
    })
}

fn parse_roles(roles: &[String]) -> Result<Roles, String> {
    Roles::parse(roles).map_err(|error| format!("a role {error}"))
}

fn parse_claims(claims: &str) -> Result<CustomClaims, String> {
    // As strictly as a request: no member may stand twice.
    let object: Map<String, Value> = strict_json::from_slice(claims.as_bytes())
        .map_err(|_| "the claims are no JSON object: '{\"plan\":\"team\"}' would be one".to_owned())?;
    CustomClaims::parse(object.into()).map_err(|error| format!("the claims {error}"))
}

fn confirm(user: &User) -> Result<(), String> {
    if !std::io::stdin().is_terminal() {
        return Err("nobody is here to be asked: give --yes".to_owned());
    }
    let mut answer = String::new();
    eprint!("Delete {} ({}) for good? [y/N] ", user.email, user.id);
    let _ = std::io::stderr().flush();
    std::io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err("nobody was deleted".to_owned()) }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: AdministrationError) -> String {
    error.to_string()
}
