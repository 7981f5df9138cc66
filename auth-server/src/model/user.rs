use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::{DisplayName, Email, Locale, Role, UserId, Username};

/// An argon2id hash in PHC format, or an imported one in its original format. `Debug` does not print it, because it allows
/// offline guessing.
#[derive(Clone, Debug)]
pub struct PasswordHash(pub SecretString);

impl PasswordHash {
    /// Whether the hash is identical. Hashes of equal passwords differ by their salt.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub username: Option<Username>,
    pub name: Option<DisplayName>,
    pub password_hash: PasswordHash,
    pub roles: Vec<Role>,
    /// Custom claims for access tokens.
    pub claims: Map<String, Value>,
    /// The `uv` claim. Increases when password, roles or status change, and when all sessions end.
    pub version: u64,
    /// Disabled users can neither log in nor refresh.
    pub disabled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// Last login or reauthentication. A registration that starts a session is a login.
    pub last_login_at: Option<DateTime<Utc>>,
    /// Set if an operator set the password: the user must replace it until then. `None` for a password of their own.
    pub temporary_password_expires_at: Option<DateTime<Utc>>,
    /// When the user proved that the address is theirs.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// Language of mails, if the user chose one.
    pub locale: Option<Locale>,
    /// Whether a login requires a second factor.
    pub second_factor: bool,
}

impl User {
    /// A user who has nothing but an address and a password.
    pub fn new(email: Email, password_hash: PasswordHash, now: DateTime<Utc>) -> Self {
        Self {
            id: UserId::random(),
            email,
            username: None,
            name: None,
            password_hash,
            roles: Vec::new(),
            claims: Map::new(),
            version: 1,
            disabled_at: None,
            created_at: now,
            last_login_at: None,
            temporary_password_expires_at: None,
            email_verified_at: None,
            locale: None,
            second_factor: false,
        }
    }
}

/// A user in JSON, as `/admin/users` and the commands show it.
#[derive(Serialize, ToSchema)]
#[schema(as = Person)]
pub struct UserView {
    /// UUID, the `sub` claim of access tokens
    id: String,
    /// Normalised e-mail address
    email: String,
    /// Whether the user has proved that the address is theirs
    email_verified: bool,
    /// Alternative to the e-mail address at login
    username: Option<String>,
    /// Display name
    name: Option<String>,
    /// Language of mails, if the user chose one
    locale: Option<String>,
    /// All roles of the user
    roles: Vec<String>,
    /// Custom claims in access tokens
    #[schema(value_type = Object)]
    claims: Map<String, Value>,
    /// Disabled users can neither log in nor refresh
    disabled: bool,
    /// Time since when the user is disabled
    disabled_at: Option<DateTime<Utc>>,
    /// Time of registration
    created_at: DateTime<Utc>,
    /// Last successful login or reauthentication. A registration that starts a session is a login
    last_login_at: Option<DateTime<Utc>>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified_at.is_some(),
            username: user.username.map(|username| username.as_str().to_owned()),
            name: user.name.map(|name| name.as_str().to_owned()),
            locale: user.locale.map(|locale| locale.as_str().to_owned()),
            roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            claims: user.claims,
            disabled: user.disabled_at.is_some(),
            disabled_at: user.disabled_at,
            created_at: user.created_at,
            last_login_at: user.last_login_at,
        }
    }
}

impl User {
    pub fn is_administrator(&self) -> bool {
        self.roles.contains(&Role::admin())
    }

    pub fn is_enabled_administrator(&self) -> bool {
        self.is_administrator() && self.disabled_at.is_none()
    }

    /// Whether the user can log in with the right password, perhaps only to replace it.
    pub fn can_log_in(&self, now: DateTime<Utc>) -> bool {
        let has_expired = self.temporary_password_expires_at.is_some_and(|expires_at| expires_at <= now);
        self.disabled_at.is_none() && !has_expired
    }

    pub fn guessable_words(&self) -> Vec<String> {
        guessable_words(Some(&self.email), self.username.as_ref(), self.name.as_ref())
    }

    /// The `name` claim: the display name, else the username, else "there", as in "Hello there".
    pub fn greeting_name(&self) -> &str {
        match (&self.name, &self.username) {
            (Some(name), _) => name.as_str(),
            (None, Some(username)) => username.as_str(),
            (None, None) => "there",
        }
    }
}

#[cfg(test)]
impl User {
    /// A user who cannot log in.
    pub fn sample(email: &str) -> Self {
        Self {
            id: UserId::random(),
            email: Email::from_stored(email.to_owned()),
            username: None,
            name: None,
            password_hash: PasswordHash("none".into()),
            roles: Vec::new(),
            claims: Map::new(),
            version: 1,
            disabled_at: None,
            created_at: DateTime::UNIX_EPOCH,
            last_login_at: None,
            temporary_password_expires_at: None,
            email_verified_at: None,
            locale: None,
            second_factor: false,
        }
    }
}

/// Words that a password of this user must not be based on.
pub fn guessable_words(
    email: Option<&Email>,
    username: Option<&Username>,
    name: Option<&DisplayName>,
) -> Vec<String> {
    let words = [email.map(Email::as_str), username.map(Username::as_str), name.map(DisplayName::as_str)];
    words.into_iter().flatten().map(str::to_owned).collect()
}
