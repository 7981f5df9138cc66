use serde::{Deserialize, Serialize};

/// Longest role, in characters.
const MAX_CHARS: usize = 32;
/// Most roles of a user. They are part of every access token, which every request carries.
const MAX_ROLES: usize = 16;

/// A role in the `roles` claim of access tokens: 1 to 32 characters of `[a-z0-9_-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Role(String);

/// The text is not a role. API users see this message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_CHARS} characters of a-z, 0-9, '_' and '-'")]
pub struct InvalidRole;

/// The roles of a user, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

/// Why roles are invalid. API users see the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoles {
    #[error(transparent)]
    Role(#[from] InvalidRole),
    #[error("must be at most {MAX_ROLES} roles")]
    TooMany,
}

impl Role {
    /// Parses a role.
    ///
    /// # Errors
    /// [`InvalidRole`]
    pub fn parse(text: &str) -> Result<Self, InvalidRole> {
        let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if (1..=MAX_CHARS).contains(&text.len()) && text.chars().all(is_valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRole)
        }
    }

    /// The role that may call `/admin`.
    #[must_use]
    pub fn admin() -> Self {
        Self("admin".to_owned())
    }

    /// The name of the role.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Roles {
    /// Keeps the order, and drops duplicates.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, InvalidRoles> {
        let mut roles: Vec<Role> = Vec::new();
        for text in texts {
            let role = Role::parse(text.as_ref())?;
            if roles.contains(&role) {
                continue;
            }
            if roles.len() == MAX_ROLES {
                return Err(InvalidRoles::TooMany);
            }
            roles.push(role);
        }
        Ok(Self(roles))
    }

    pub fn into_vec(self) -> Vec<Role> {
        self.0
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self(vec![role])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::roles::{InvalidRole, InvalidRoles, Role, Roles};

    #[test]
    fn duplicate_roles_are_dropped() {
        let roles = Roles::parse(&["admin", "a-1_b", "admin"]).unwrap().into_vec();
        assert_eq!(roles.iter().map(Role::as_str).collect::<Vec<_>>(), ["admin", "a-1_b"]);
    }

    #[test]
    fn roles_have_limits() {
        let many: Vec<String> = (0..17).map(|number| format!("role{number}")).collect();
        assert!(Roles::parse(&many[..16]).is_ok());
        assert_eq!(Roles::parse(&many), Err(InvalidRoles::TooMany));
        assert!(Roles::parse(&["a".repeat(32)]).is_ok());
        for wrong in ["", "Admin", "a b", "rôle", "a\0", &"a".repeat(33)] {
            assert_eq!(Roles::parse(&[wrong]), Err(InvalidRoles::Role(InvalidRole)), "{wrong:?}");
        }
    }
}
