use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use crate::domain::users::import::BadLine;
use crate::domain::users::import::person::Person;
use crate::model::{UserId, Username};
use crate::store::users::UniqueValues;

/// Who has which e-mail address, username and id: a million people in some 70 MB, as only 64 bits of each are kept.
///
/// That two of a million differ and are taken for the same happens in one of ten million runs; the keys of the hash are
/// random, so that another run does not see it again.
#[derive(Default)]
pub struct Known {
    keys: RandomState,
    ids_by_email: HashMap<u64, u64>,
    usernames: HashSet<u64>,
    ids: HashSet<u64>,
}

/// What is to become of a line.
pub enum Verdict {
    New,
    AlreadyThere,
    Bad(BadLine),
}

impl Known {
    /// Those whom the database has.
    pub fn add_all(&mut self, taken: &[UniqueValues]) {
        for user in taken {
            self.note(&user.email, user.username.as_deref(), user.id);
            self.ids.insert(self.keys.hash_one(user.id));
        }
    }

    /// One of an earlier line. An id that we chose cannot be in another.
    pub fn add(&mut self, person: &Person) {
        let user = &person.user;
        self.note(user.email.as_str(), user.username.as_ref().map(Username::as_str), user.id);
        if person.has_own_id {
            self.ids.insert(self.keys.hash_one(user.id));
        }
    }

    /// Whoever has the e-mail address is the person, unless the ids say otherwise; then no other name may be taken.
    pub fn judge(&self, person: &Person) -> Verdict {
        let user = &person.user;
        let id = self.keys.hash_one(user.id);
        match self.ids_by_email.get(&self.keys.hash_one(user.email.as_str())) {
            Some(holder) if person.has_own_id && *holder != id => Verdict::Bad(BadLine::EmailTaken),
            Some(_) => Verdict::AlreadyThere,
            None if user.username.as_ref().is_some_and(|name| self.has_username(name.as_str())) => {
                Verdict::Bad(BadLine::UsernameTaken)
            }
            None if person.has_own_id && self.ids.contains(&id) => Verdict::Bad(BadLine::IdTaken),
            None => Verdict::New,
        }
    }

    fn has_username(&self, name: &str) -> bool {
        self.usernames.contains(&self.keys.hash_one(name))
    }

    fn note(&mut self, email: &str, username: Option<&str>, id: UserId) {
        self.ids_by_email.insert(self.keys.hash_one(email), self.keys.hash_one(id));
        if let Some(name) = username {
            self.usernames.insert(self.keys.hash_one(name));
        }
    }
}
