use serde_json::{Map, Value};
use shared_claims::claims::RESERVED;

use crate::model::{InvalidRole, Role};

/// So many roles fit into every access token, which travels with every request.
const MAX_ROLES: usize = 16;
/// Longest custom claims as JSON, in bytes, for the same reason.
const MAX_CLAIMS_BYTES: usize = 1024;

/// What a person may do: at most 16 roles, none twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

/// Why roles were refused, worded for the person who gave them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoles {
    /// One of them is none.
    #[error(transparent)]
    Role(#[from] InvalidRole),
    /// More than 16.
    #[error("must be at most {MAX_ROLES} roles")]
    TooMany,
}

/// What an administrator attached to a person: a JSON object of at most 1 KiB that goes into access tokens beside our own
/// claims, and never replaces one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomClaims(Map<String, Value>);

/// Why custom claims were refused, worded for the person who gave them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaims {
    /// Something else than an object.
    #[error("must be a JSON object")]
    NotAnObject,
    /// More than 1 KiB.
    #[error("must be at most {MAX_CLAIMS_BYTES} bytes of JSON")]
    TooLong,
    /// The name of a claim of ours, or one by which other software grants something.
    #[error("must not have a member {0:?}, which is reserved")]
    Reserved(&'static str),
}

impl Roles {
    /// Keeps the order; what stands twice counts once.
    ///
    /// # Errors
    /// See [`InvalidRoles`].
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

    /// As a person has them.
    #[must_use]
    pub fn into_vec(self) -> Vec<Role> {
        self.0
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self(vec![role])
    }
}

impl CustomClaims {
    /// The only way in.
    ///
    /// # Errors
    /// See [`InvalidClaims`].
    pub fn parse(value: Value) -> Result<Self, InvalidClaims> {
        let Value::Object(claims) = value else { return Err(InvalidClaims::NotAnObject) };
        if let Some(name) = RESERVED.iter().find(|name| claims.contains_key(**name)) {
            return Err(InvalidClaims::Reserved(name));
        }
        let claims = Value::Object(claims);
        if claims.to_string().len() > MAX_CLAIMS_BYTES {
            return Err(InvalidClaims::TooLong);
        }
        let Value::Object(claims) = claims else { return Err(InvalidClaims::NotAnObject) };
        Ok(Self(claims))
    }

    /// As a person has them.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::claims::{
        CustomClaims, InvalidClaims, InvalidRole, InvalidRoles, RESERVED, Role, Roles,
    };

    #[test]
    fn a_role_that_stands_twice_counts_once() {
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

    #[test]
    fn a_custom_claim_never_replaces_ours() {
        for name in RESERVED {
            assert_eq!(CustomClaims::parse(json!({*name: 1})), Err(InvalidClaims::Reserved(name)));
        }
        let claims = json!({"plan": "team", "limits": {"sub": 5}});
        assert_eq!(json!(CustomClaims::parse(claims.clone()).unwrap().into_map()), claims);
    }

    #[test]
    fn custom_claims_are_an_object_of_at_most_a_kibibyte() {
        for wrong in [json!(null), json!([1]), json!("plan"), json!(1)] {
            assert_eq!(CustomClaims::parse(wrong), Err(InvalidClaims::NotAnObject));
        }
        // {"a":"…"} is 8 bytes more than its text.
        assert!(CustomClaims::parse(json!({"a": "x".repeat(1016)})).is_ok());
        assert_eq!(CustomClaims::parse(json!({"a": "x".repeat(1017)})), Err(InvalidClaims::TooLong));
    }
}
