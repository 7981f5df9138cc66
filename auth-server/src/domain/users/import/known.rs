use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use crate::domain::users::import::BadLine;
use crate::domain::users::import::imported_user::ImportedUser;
use crate::model::{UserId, Username};
use crate::store::users::UniqueValues;

/// The e-mail addresses, usernames and ids that are taken. Only a 64-bit hash of each is kept: a million users need some
/// 70 MB.
///
/// Among a million users a collision happens in one of ten million runs. The hash keys are random, so that a second run does
/// not repeat it.
#[derive(Default)]
pub struct Known {
    keys: RandomState,
    ids_by_email: HashMap<u64, u64>,
    usernames: HashSet<u64>,
    ids: HashSet<u64>,
}

pub enum Verdict {
    New,
    Exists,
    Bad(BadLine),
}

impl Known {
    /// Adds users of the database.
    pub fn add_all(&mut self, taken: &[UniqueValues]) {
        for user in taken {
            self.add_names(&user.email, user.username.as_deref(), user.id);
            self.ids.insert(self.keys.hash_one(user.id));
        }
    }

    /// Adds a user of an earlier line. A random id cannot occur in another line.
    pub fn add(&mut self, imported: &ImportedUser) {
        let user = &imported.user;
        self.add_names(user.email.as_str(), user.username.as_ref().map(Username::as_str), user.id);
        if imported.has_own_id {
            self.ids.insert(self.keys.hash_one(user.id));
        }
    }

    /// The e-mail address identifies the user, unless the ids differ. A new user's username and id must be free too.
    pub fn judge(&self, imported: &ImportedUser) -> Verdict {
        let user = &imported.user;
        let id = self.keys.hash_one(user.id);
        match self.ids_by_email.get(&self.keys.hash_one(user.email.as_str())) {
            Some(holder) if imported.has_own_id && *holder != id => Verdict::Bad(BadLine::EmailTaken),
            Some(_) => Verdict::Exists,
            None if user.username.as_ref().is_some_and(|name| self.has_username(name.as_str())) => {
                Verdict::Bad(BadLine::UsernameTaken)
            }
            None if imported.has_own_id && self.ids.contains(&id) => Verdict::Bad(BadLine::IdTaken),
            None => Verdict::New,
        }
    }

    fn has_username(&self, name: &str) -> bool {
        self.usernames.contains(&self.keys.hash_one(name))
    }

    fn add_names(&mut self, email: &str, username: Option<&str>, id: UserId) {
        self.ids_by_email.insert(self.keys.hash_one(email), self.keys.hash_one(id));
        if let Some(name) = username {
            self.usernames.insert(self.keys.hash_one(name));
        }
    }
}
