use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::proofs::{self, Need};
use crate::http::extract::Json;
use crate::http::problems::{LinkInvalid, RateLimited};
use crate::http::{LoginRateLimit, Validation};
use crate::model::{ClientInfo, Purpose};

/// The token of a mailed link.
#[derive(Deserialize, ToSchema)]
#[schema(as = LinkToken)]
pub struct InspectRequest {
    /// The fragment of the link.
    #[schema(value_type = String, required)]
    token: Option<SecretString>,
}

/// What a page can show before a link is used.
#[derive(Serialize, ToSchema)]
#[schema(as = Link)]
pub struct InspectionBody {
    purpose: Purpose,
    /// First character and domain of the address.
    #[schema(example = "a…@example.org")]
    email: String,
    /// Seconds until the link expires.
    expires_in: i64,
    /// What using the link requires.
    needs: Need,
}

/// Describes a mailed link without using it.
#[utoipa::path(
    post, path = "/auth/proofs/inspect", tag = "account", request_body = InspectRequest,
    responses((status = 200, description = "The link is valid", body = InspectionBody), LinkInvalid, RateLimited)
)]
pub async fn inspect_link(
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<InspectRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let token = validation.required("token", body.token);
    let token = validation.finish(token)?;
    let attempt = rate_limit.count(client.ip)?;
    let found = proofs::inspect(&context, &token).await?;
    rate_limit.refund(attempt);
    Ok(HttpResponse::Ok().json(InspectionBody {
        purpose: found.purpose,
        email: found.masked_email,
        expires_in: found.expires_in,
        needs: found.needs,
    }))
}
