//! Refresh: exchanges a refresh token for the next token pair.

use secrecy::SecretString;
use shared_claims::TokenError;

use crate::domain::context::Context;
use crate::domain::sessions::rotation::{Grant, Presentation, Rotation, RotationError};
use crate::domain::tokens::IssuedTokens;
use crate::fail_points;
use crate::model::{ClientInfo, EndReason};

pub struct RefreshRequest {
    pub token: SecretString,
    pub presentation: Presentation,
    pub audience: Option<String>,
    pub client: ClientInfo,
}

/// Rotates the session and issues the next token pair, or issues the same successor again for a racing tab or a lost
/// response.
pub async fn refresh(context: &Context, request: RefreshRequest) -> Result<IssuedTokens, RotationError> {
    let outcome = rotate_and_issue(context, &request).await;
    context.metrics.refreshes.count(match &outcome {
        Ok((_, grant)) => grant.metric_label(),
        Err(error) => error.metric_label(),
    });
    outcome.map(|(issued, _)| issued)
}

async fn rotate_and_issue(
    context: &Context,
    request: &RefreshRequest,
) -> Result<(IssuedTokens, Grant), RotationError> {
    let audience =
        context.policy.audience(request.audience.as_deref()).ok_or(RotationError::UnknownAudience)?;
    let token = context.refresh_tokens.read(&request.token).map_err(|error| rejection(&error))?;
    let operation = context.operation(&request.client);
    let rotation = Rotation::new(context, &operation, token, request.presentation);
    let outcome = match rotation.run_in_batch(&context.database).await? {
        Some(outcome) => outcome,
        None => operation.transaction(move |tx| rotation.run(tx)).await?,
    };
    fail_points::stop_at("refresh-committed");
    let granted = outcome.granted()?;
    let grant = granted.grant;
    Ok((granted.issue(context, audience)?, grant))
}

fn rejection(error: &TokenError) -> RotationError {
    log::debug!("refresh token rejected: {error}");
    match error {
        // The signature is that of an auth server: only the clocks differ, and the session must survive that.
        TokenError::FromTheFuture(_) | TokenError::NotYetValid => RotationError::FromTheFuture,
        TokenError::Expired => RotationError::SessionEnded(EndReason::Expired),
        _ => RotationError::SessionEnded(EndReason::Unknown),
    }
}

impl Grant {
    fn metric_label(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Restored => "restored",
            Self::RedeliveredInGrace => "redelivered_in_grace",
            Self::RedeliveredByKey => "redelivered_by_key",
        }
    }
}

impl RotationError {
    fn metric_label(&self) -> &'static str {
        match self {
            Self::SessionEnded(reason) => reason.as_str(),
            Self::WrongDelivery | Self::UnknownAudience => "malformed",
            Self::FromTheFuture
            | Self::Replaced
            | Self::Delayed
            | Self::Conflict
            | Self::Store(_)
            | Self::Signing(_) => "unavailable",
        }
    }
}
