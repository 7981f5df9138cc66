//! `auth-server users`: manages users without the servers.

use std::io::{IsTerminal as _, Write as _};

use clap::Subcommand;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use shared_claims::{Clock, SystemClock, strict_json};

use crate::cli::import;
use crate::cli::invitations::{self, Invite};
use crate::cli::new_password::{NewPassword, hasher};
use crate::cli::output::{OutputOptions, Report};
use crate::cli::paging::Paging;
use crate::cli::user_arg::UserArg;
use crate::cli::user_output::{details, list};
use crate::domain::operation::Operation;
use crate::domain::users::admin::{self, Change, InitialPassword};
use crate::domain::users::search::{self, Cursor, Search, Sort};
use crate::domain::users::{Account, NewUser};
use crate::domain::users::{deletion, factors};
use crate::model::{ClientInfo, CustomClaims, DisplayName, Email, Role, Roles, User, Username};
use crate::settings::Settings;
use crate::store::Database;

#[derive(Clone, Subcommand)]
pub enum UsersCommand {
    /// Create a user
    ///
    /// Prints a generated password once, unless `--password-stdin` is given. The user must replace the password at the first
    /// login, within 24 hours.
    #[command(after_help = "\
Examples:
  Create an administrator, and print a generated password:
    auth-server users create ann@example.org --name Ann --role admin
  Choose the password, without showing it:
    auth-server users create ann@example.org --password-stdin")]
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
        /// Role of the user; can be repeated
        #[arg(long = "role", value_name = "ROLE", value_parser = Role::parse)]
        roles: Vec<Role>,
        /// Custom claims for access tokens: a JSON object of at most 1 KiB
        #[arg(long, value_parser = parse_claims)]
        claims: Option<CustomClaims>,
        /// Ask for the password at a terminal, or read the first line of a file or pipe
        #[arg(long)]
        password_stdin: bool,
    },
    /// Invite a person to create an account
    ///
    /// Prints a link, which is valid for 7 days. Give it to this person only.
    #[command(after_help = "\
Examples:
  Invite an administrator:
    auth-server users invite ann@example.org --name Ann --role admin")]
    Invite(Invite),
    /// Record that the address of a user is theirs
    VerifyEmail {
        /// Id, e-mail address or username
        user: UserArg,
    },
    /// List all users, by e-mail address
    List {
        /// Only users whose e-mail address or username starts with this
        #[arg(long, hide = true)]
        q: Option<Search>,
        #[command(flatten)]
        paging: Paging<Cursor>,
    },
    /// Find users by the start of their e-mail address or username
    #[command(after_help = "\
Examples:
  Find everyone whose e-mail address or username starts with \"ann\":
    auth-server users search ann
  Save the matches for a spreadsheet:
    auth-server users search ann --format csv >users.csv")]
    Search {
        /// Start of the e-mail address or username, or a whole user id
        text: Search,
        #[command(flatten)]
        paging: Paging<Cursor>,
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
    /// Disable a user, and end all their sessions
    Disable {
        /// Id, e-mail address or username
        user: UserArg,
    },
    /// Enable a disabled user
    Enable {
        /// Id, e-mail address or username
        user: UserArg,
    },
    /// Set a new password, and end all sessions of the user
    ///
    /// Prints a generated password once, unless `--password-stdin` is given. The user must replace the password at the next
    /// login, within 24 hours.
    ResetPassword {
        /// Id, e-mail address or username
        user: UserArg,
        /// Ask for the password at a terminal, or read the first line of a file or pipe
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove all second factors and recovery codes of a user who has lost them, and end all their sessions
    ///
    /// Verify who is asking: afterwards the password alone is sufficient.
    ResetFactors {
        /// Id, e-mail address or username
        user: UserArg,
    },
    /// Delete a user with all their data
    ///
    /// Events keep only the user id.
    Delete {
        /// Id, e-mail address or username
        user: UserArg,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Import users with their password hashes from another system
    Import(import::Import),
}

pub async fn run(
    settings: &Settings,
    command: UsersCommand,
    output: OutputOptions,
) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    match command {
        UsersCommand::Create { email, username, name, roles, claims, password_stdin } => {
            let change = Change { roles: Some(all(&roles)?), claims, ..Change::default() };
            let password = NewPassword::get(password_stdin, &email)?;
            let account = Account { username, name, password: password.password.clone() };
            let new_user = NewUser { email, account };
            let user = create(settings, &database, new_user, change).await?;
            Ok(password.add_to(details(&user, Some("created".to_owned()))))
        }
        UsersCommand::Invite(arguments) => invitations::invite(settings, &database, arguments).await,
        UsersCommand::VerifyEmail { user } => {
            let user = user.find(&database).await?;
            let verified = admin::verify_email(&operation(settings, &database), user.id).await;
            Ok(details(&verified.map_err(|error| error.to_string())?, None))
        }
        UsersCommand::List { q, paging } => page(&database, q.unwrap_or_else(Search::all), paging).await,
        UsersCommand::Search { text, paging } => page(&database, text, paging).await,
        UsersCommand::Show { user } => Ok(details(&user.find(&database).await?, None)),
        UsersCommand::SetRoles { user, roles, none: _ } => {
            let roles = Some(all(&roles)?);
            change(settings, &database, user, Change { roles, ..Change::default() }).await
        }
        UsersCommand::SetClaims { user, claims } => {
            change(settings, &database, user, Change { claims: Some(claims), ..Change::default() }).await
        }
        UsersCommand::Disable { user } => {
            change(settings, &database, user, Change { disabled: Some(true), ..Change::default() }).await
        }
        UsersCommand::Enable { user } => {
            change(settings, &database, user, Change { disabled: Some(false), ..Change::default() }).await
        }
        UsersCommand::ResetPassword { user, password_stdin } => {
            let user = user.find(&database).await?;
            let password = NewPassword::get(password_stdin, &user.email)?;
            reset_password(settings, &database, &user, password.password.clone()).await?;
            let text = format!("changed the password of {} and ended all sessions", user.email);
            Ok(password.add_to(Report::sentence(text, json!({"id": user.id.to_string()}))))
        }
        UsersCommand::ResetFactors { user } => {
            let user = user.find(&database).await?;
            let reset = factors::reset(&operation(settings, &database), user.id).await;
            reset.map_err(|error| error.to_string())?;
            let text = format!("removed the second factors of {} and ended all sessions", user.email);
            Ok(Report::sentence(text, json!({"id": user.id.to_string()})))
        }
        UsersCommand::Delete { user, yes } => {
            let user = user.find(&database).await?;
            if !yes {
                confirm(&user)?;
            }
            let deleted = admin::delete(&operation(settings, &database), user.id).await;
            deleted.map_err(|error| error.to_string())?;
            deletion::finish(&database).await.map_err(|error| error.to_string())?;
            let id = user.id.to_string();
            Ok(Report::sentence(format!("deleted {} ({id})", user.email), json!({"deleted": id})))
        }
        UsersCommand::Import(arguments) => import::run(settings, &database, &arguments, output).await,
    }
}

async fn page(database: &Database, search: Search, paging: Paging<Cursor>) -> Result<Report, String> {
    let page = search::page(database, search.filter(), Sort::Email, paging.cursor, paging.limit).await;
    Ok(list(&page.map_err(|error| error.to_string())?))
}

async fn create(
    settings: &Settings,
    database: &Database,
    new_user: NewUser,
    change: Change,
) -> Result<User, String> {
    let temporary = InitialPassword::Temporary;
    let created =
        admin::create(&operation(settings, database), &hasher(settings)?, new_user, change, temporary).await;
    created.map_err(|error| error.to_string())
}

async fn reset_password(
    settings: &Settings,
    database: &Database,
    user: &User,
    password: SecretString,
) -> Result<(), String> {
    let reset =
        admin::reset_password(&operation(settings, database), &hasher(settings)?, user, password).await;
    reset.map_err(|error| error.to_string())
}

async fn change(
    settings: &Settings,
    database: &Database,
    user: UserArg,
    change: Change,
) -> Result<Report, String> {
    let user = user.find(database).await?;
    let changed = admin::change(&operation(settings, database), user.id, change).await;
    Ok(details(&changed.map_err(|error| error.to_string())?, None))
}

/// Users get the same notices as after a change by an administrator.
pub fn operation<'a>(settings: &Settings, database: &'a Database) -> Operation<'a> {
    let notices = settings.notices(settings.languages(None));
    Operation::new(database, ClientInfo::operator(), SystemClock.now()).with_notices(notices)
}

pub fn all(roles: &[Role]) -> Result<Roles, String> {
    let names: Vec<&str> = roles.iter().map(Role::as_str).collect();
    Roles::parse(&names).map_err(|error| format!("the roles {error}"))
}

/// As strict as a request: rejects duplicate members.
pub fn parse_claims(claims: &str) -> Result<CustomClaims, String> {
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
