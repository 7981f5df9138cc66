use actix_web::{HttpRequest, web};
use prometheus_client::registry::Registry;

use super::Tally;
use crate::error::TokenError;

const ACCEPTED: &str = "accepted";

/// Access tokens that the extractors have judged, if the app has this as `app_data` in [`web::Data`].
#[derive(Clone, Debug)]
pub struct TokenMetrics(Tally);

impl Default for TokenMetrics {
    fn default() -> Self {
        let refused = TokenError::ALL.iter().map(TokenError::code);
        Self(Tally::new("result", std::iter::once(ACCEPTED).chain(refused)))
    }
}

impl TokenMetrics {
    /// Has the registry show them.
    pub fn register(&self, registry: &mut Registry) {
        self.0.register(registry, "access_tokens", "Access tokens by what became of them");
    }
}

pub fn count<T>(request: &HttpRequest, judged: &Result<T, TokenError>) {
    if let Some(TokenMetrics(tally)) = request.app_data::<web::Data<TokenMetrics>>().map(|data| &***data) {
        tally.count(judged.as_ref().err().map_or(ACCEPTED, TokenError::code));
    }
}
