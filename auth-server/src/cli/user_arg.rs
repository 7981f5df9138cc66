use std::str::FromStr;

use crate::domain::users::search::{self, InvalidName, Whom};
use crate::model::User;
use crate::store::Database;

/// A user as an argument: id, e-mail address or username.
#[derive(Clone)]
pub struct UserArg {
    text: String,
    whom: Whom,
}

impl FromStr for UserArg {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Ok(Self { text: text.to_owned(), whom: text.parse()? })
    }
}

impl UserArg {
    pub async fn find(self, database: &Database) -> Result<User, String> {
        let found = search::find(database, self.whom).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("no user matches {}", self.text))
    }
}
