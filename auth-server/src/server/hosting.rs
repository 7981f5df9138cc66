//! What a program that hosts the server can do with its users, beside serving.

use secrecy::{ExposeSecret, SecretString};

use crate::domain::sessions::sign_in_link;
use crate::domain::users::admin::{self, Change, InitialPassword};
use crate::domain::users::setup::{self, SetupLink};
use crate::domain::users::{Account, NewUser, RegistrationError};
use crate::model::{ClientInfo, Email, Role};
use crate::server::AuthServer;

/// Why [`AuthServer::create_user`] failed.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// Another user has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// Anything else, in one line.
    #[error("{0}")]
    Failed(String),
}

impl AuthServer {
    /// Creates a user with a role, without a session. The password need not be replaced.
    ///
    /// # Errors
    /// The address is invalid or taken, the password is weak, or the database failed.
    pub async fn create_user(
        &self,
        email: &str,
        password: SecretString,
        role: Role,
    ) -> Result<(), CreateUserError> {
        let email = parse(email).map_err(CreateUserError::Failed)?;
        let new_user = NewUser { email, account: Account { username: None, name: None, password } };
        let change = Change { roles: Some(role.into()), ..Change::default() };
        let operation = self.context.operation(&ClientInfo::operator());
        let permanent = InitialPassword::Permanent;
        let created = admin::create(&operation, &self.context.hasher, new_user, change, permanent).await;
        created.map(drop).map_err(|error| match error {
            RegistrationError::EmailTaken => CreateUserError::EmailTaken,
            other => CreateUserError::Failed(other.to_string()),
        })
    }

    /// The link of the page that creates the first administrator. `None` if the database is not new, or with `PAGES=off`.
    ///
    /// # Errors
    /// One line: the database failed.
    pub async fn setup_link(&self) -> Result<Option<SecretString>, String> {
        Ok(self.link().await?.map(|link| link.url))
    }

    /// Logs the setup link if there is one: only an operator can read the log.
    ///
    /// # Errors
    /// One line: the database failed.
    pub async fn log_setup_link(&self) -> Result<(), String> {
        if let Some(SetupLink { url, expires_at }) = self.link().await? {
            let until = expires_at.format("%Y-%m-%d %H:%M UTC");
            log::warn!("create the first administrator until {until}: {}", url.expose_secret());
        }
        Ok(())
    }

    async fn link(&self) -> Result<Option<SetupLink>, String> {
        if !self.has_pages {
            return Ok(None);
        }
        setup::link(&self.context).await.map_err(|error| error.to_string())
    }

    /// Replaces the password of a user and ends all their sessions. The new one need not be replaced.
    ///
    /// # Errors
    /// One line: no user has this address, the password is weak, or the database failed.
    pub async fn set_password(&self, email: &str, password: SecretString) -> Result<(), String> {
        let email = parse(email)?;
        let operation = self.context.operation(&ClientInfo::operator());
        let user = admin::by_email(&self.context.database, email).await.map_err(|error| error.to_string())?;
        let changed = admin::set_password(&operation, &self.context.hasher, &user, password).await;
        changed.map_err(|error| error.to_string())
    }

    /// Returns a code that signs this user in at the demo page: once, within 10 minutes, and only with
    /// [`Settings::sign_in_link`](crate::Settings::sign_in_link). It invalidates the previous code. Returns `None` if no enabled
    /// user has this address.
    ///
    /// # Errors
    /// One line: the address is invalid, or the database failed.
    pub async fn sign_in_code(&self, email: &str) -> Result<Option<SecretString>, String> {
        let Some(link) = &self.sign_in_link else { return Ok(None) };
        let issued = sign_in_link::issue(&self.context, link, parse(email)?).await;
        issued.map_err(|error| error.to_string())
    }
}

fn parse(email: &str) -> Result<Email, String> {
    Email::parse(email).map_err(|error| format!("the e-mail address {error}"))
}
