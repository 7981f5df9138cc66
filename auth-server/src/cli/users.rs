//! `auth-server users`: manages users without the servers.

use std::io::{IsTerminal as _, Write as _};

use clap::Subcommand;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use shared_claims::{Clock, SystemClock, strict_json};

use crate::cli::import;
use crate::cli::new_password::{NewPassword, hasher};
use crate::cli::output::Report;
use crate::cli::user_arg::UserArg;
use crate::cli::user_output::{details, list};
use crate::domain::operation::Operation;
use crate::domain::users::NewUser;
use crate::domain::users::admin::{self, Change, InitialPassword};
use crate::domain::users::deletion;
use crate::domain::users::search::{self, Cursor, Search};
use crate::model::{ClientInfo, CustomClaims, DisplayName, Email, Role, Roles, User, Username};
use crate::settings::Settings;
use crate::store::Database;

#[derive(Clone, Subcommand)]
pub enum UsersCommand {
    /// Create a user; prints a generated password unless `--password-stdin` is given. The user must replace it within 24 hours
    Create {
        /// E-mail address
        #[arg(value_parser = Email::parse)]
        email: Email,
        /// Name to log in with, besides the e-mail address
        #[arg(long, value_parser = Username::parse)]
        username: Option<Username>,
        /// Display name
        #[arg(long, value_parser = DisplayName::parse)]
        name: Option<DisplayName>,
        /// A role; can be repeated
        #[arg(long = "role", value_name = "ROLE", value_parser = Role::parse)]
        roles: Vec<Role>,
        /// Custom claims for access tokens: a JSON object of at most 1 KiB
        #[arg(long, value_parser = parse_claims)]
        claims: Option<CustomClaims>,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List users, or find them by the start of their e-mail address or username
    List {
        /// Start of the e-mail address or username, or a user id
        #[arg(long)]
        q: Option<Search>,
        /// Maximum number of users
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// Continue after a previous page: the cursor that it printed
        #[arg(long)]
        cursor: Option<Cursor>,
    },
    /// Show one user
    Show {
        /// Id, e-mail address or username
        user: UserArg,
    },
    /// Replace all roles of a user
    SetRoles {
        /// Id, e-mail address or username
        user: UserArg,
        /// 1 to 32 characters of a-z, 0-9, _ and -; the role `admin` may administer users
        #[arg(required_unless_present = "none", value_parser = Role::parse)]
        roles: Vec<Role>,
        /// Remove all roles
        #[arg(long, conflicts_with = "roles")]
        none: bool,
    },
    /// Replace all custom claims of a user
    SetClaims {
        /// Id, e-mail address or username
        user: UserArg,
        /// A JSON object of at most 1 KiB; `{}` removes all
        #[arg(value_parser = parse_claims)]
        claims: CustomClaims,
    },
    /// Disable a user and end all sessions of the user
    Disable {
        /// Id, e-mail address or username
        user: UserArg,
    },
    /// Enable a disabled user
    Enable {
        /// Id, e-mail address or username
        user: UserArg,
    },
    /// Set a new password and end all sessions; prints a generated password unless `--password-stdin` is given. The user must
    /// replace it within 24 hours
    ResetPassword {
        /// Id, e-mail address or username
        user: UserArg,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Delete a user with all data; events keep only the user id
    Delete {
        /// Id, e-mail address or username
        user: UserArg,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Import users with their password hashes from another system; see docs/import.md
    Import(import::Import),
}

pub async fn run(settings: &Settings, command: UsersCommand, as_json: bool) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    match command {
        UsersCommand::Create { email, username, name, roles, claims, password_stdin } => {
            let change = Change { roles: Some(all(&roles)?), claims, disabled: None };
            let password = NewPassword::get(password_stdin)?;
            let new_user = NewUser { email, username, name, password: password.password.clone() };
            let user = create(settings, &database, new_user, change).await?;
            let Report { text, json } = details(&user);
            Ok(password.add_to(Report { text: format!("created\n{text}"), json }))
        }
        UsersCommand::List { q, limit, cursor } => {
            let page = search::page(&database, q.unwrap_or_else(Search::all), cursor, limit).await;
            Ok(list(&page.map_err(|error| error.to_string())?))
        }
        UsersCommand::Show { user } => Ok(details(&user.find(&database).await?)),
        UsersCommand::SetRoles { user, roles, none: _ } => {
            let roles = Some(all(&roles)?);
            change(&database, user, Change { roles, ..Change::default() }).await
        }
        UsersCommand::SetClaims { user, claims } => {
            change(&database, user, Change { claims: Some(claims), ..Change::default() }).await
        }
        UsersCommand::Disable { user } => {
            change(&database, user, Change { disabled: Some(true), ..Change::default() }).await
        }
        UsersCommand::Enable { user } => {
            change(&database, user, Change { disabled: Some(false), ..Change::default() }).await
        }
        UsersCommand::ResetPassword { user, password_stdin } => {
            let user = user.find(&database).await?;
            let password = NewPassword::get(password_stdin)?;
            reset_password(settings, &database, &user, password.password.clone()).await?;
            let text = format!("changed the password of {} and ended all sessions", user.email);
            Ok(password.add_to(Report { text, json: json!({"id": user.id.to_string()}) }))
        }
        UsersCommand::Delete { user, yes } => {
            let user = user.find(&database).await?;
            if !yes {
                confirm(&user)?;
            }
            let deleted = admin::delete(&operation(&database), user.id).await;
            deleted.map_err(|error| error.to_string())?;
            deletion::finish(&database).await.map_err(|error| error.to_string())?;
            let id = user.id.to_string();
            Ok(Report { text: format!("deleted {} ({id})", user.email), json: json!({"deleted": id}) })
        }
        UsersCommand::Import(arguments) => import::run(&database, &arguments, as_json).await,
    }
}

async fn create(
    settings: &Settings,
    database: &Database,
    new_user: NewUser,
    change: Change,
) -> Result<User, String> {
    let temporary = InitialPassword::Temporary;
    let created = admin::create(&operation(database), &hasher(settings)?, new_user, change, temporary).await;
    created.map_err(|error| error.to_string())
}

async fn reset_password(
    settings: &Settings,
    database: &Database,
    user: &User,
    password: SecretString,
) -> Result<(), String> {
    let reset = admin::reset_password(&operation(database), &hasher(settings)?, user, password).await;
    reset.map_err(|error| error.to_string())
}

async fn change(database: &Database, user: UserArg, change: Change) -> Result<Report, String> {
    let user = user.find(database).await?;
    let changed = admin::change(&operation(database), user.id, change).await;
    Ok(details(&changed.map_err(|error| error.to_string())?))
}

fn operation(database: &Database) -> Operation<'_> {
    Operation::new(database, ClientInfo::operator(), SystemClock.now())
}

fn all(roles: &[Role]) -> Result<Roles, String> {
    let names: Vec<&str> = roles.iter().map(Role::as_str).collect();
    Roles::parse(&names).map_err(|error| format!("the roles {error}"))
}

/// As strict as a request: rejects duplicate members.
fn parse_claims(claims: &str) -> Result<CustomClaims, String> {
    let object: Map<String, Value> = strict_json::from_slice(claims.as_bytes())
        .map_err(|_| "must be a JSON object without duplicate members, such as '{\"plan\":\"team\"}'")?;
    CustomClaims::parse(object.into()).map_err(|error| error.to_string())
}

fn confirm(user: &User) -> Result<(), String> {
    if !std::io::stdin().is_terminal() {
        return Err("not a terminal; pass --yes to confirm".to_owned());
    }
    let mut answer = String::new();
    eprint!("Delete {} ({})? This cannot be undone. [y/N] ", user.email, user.id);
    let _ = std::io::stderr().flush();
    std::io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err("cancelled".to_owned()) }
}
