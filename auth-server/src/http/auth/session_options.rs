use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::sessions::NewSession;
use crate::http::validation::{UnknownMembers, Validation};
use crate::model::{ClientInfo, Delivery};

/// The options of a new session: flattened into every request that creates one.
#[derive(Deserialize, ToSchema)]
pub struct SessionOptions {
    /// With `false` the cookies end with the browser.
    #[schema(default = true)]
    remember: Option<bool>,
    /// How the tokens of the session are delivered.
    #[schema(value_type = Option<Delivery>)]
    token_delivery: Option<String>,
    audience: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    unknown: UnknownMembers,
}

impl SessionOptions {
    /// The session, without those that it supersedes.
    pub fn parse(self, validation: &mut Validation, client: ClientInfo) -> NewSession {
        validation.reject_unknown(self.unknown);
        NewSession {
            delivery: validation.delivery(self.token_delivery.as_deref()),
            remember: self.remember.unwrap_or(true),
            audience: self.audience,
            client,
            superseded: Vec::new(),
        }
    }
}
