use std::str::FromStr;

use crate::domain::users::search::{self, InvalidUserRef, UserRef};
use crate::model::User;
use crate::store::Database;

/// A user as an argument: id, e-mail address or username.
#[derive(Clone)]
pub struct UserArg {
    text: String,
    user: UserRef,
}

impl FromStr for UserArg {
    type Err = InvalidUserRef;

    fn from_str(text: &str) -> Result<Self, InvalidUserRef> {
        Ok(Self { text: text.to_owned(), user: text.parse()? })
    }
}

impl UserArg {
    pub async fn find(self, database: &Database) -> Result<User, String> {
        let found = search::find(database, self.user).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("no user matches {}", self.text))
    }
}
