use serde_json::{Map, Value};
use shared_claims::claims::RESERVED;

/// Longest custom claims as JSON, in bytes. They are part of every access token, which every request carries.
const MAX_BYTES: usize = 1024;

/// Claims that an administrator adds to a user's access tokens. They never replace a claim of ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomClaims(Map<String, Value>);

/// Why custom claims are invalid. API users see the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaims {
    #[error("must be a JSON object")]
    NotAnObject,
    #[error("must be at most {MAX_BYTES} bytes of JSON")]
    TooLong,
    /// The name of one of our claims, or of a claim by which other software grants access.
    #[error("must not have a member {0:?}, which is reserved")]
    Reserved(&'static str),
}

impl CustomClaims {
    pub fn parse(value: Value) -> Result<Self, InvalidClaims> {
        let Value::Object(claims) = value else { return Err(InvalidClaims::NotAnObject) };
        if let Some(name) = RESERVED.iter().find(|name| claims.contains_key(**name)) {
            return Err(InvalidClaims::Reserved(name));
        }
        let claims = Value::Object(claims);
        if claims.to_string().len() > MAX_BYTES {
            return Err(InvalidClaims::TooLong);
        }
        let Value::Object(claims) = claims else { return Err(InvalidClaims::NotAnObject) };
        Ok(Self(claims))
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::custom_claims::{CustomClaims, InvalidClaims, RESERVED};

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
