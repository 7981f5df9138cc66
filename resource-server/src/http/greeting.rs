use actix_web::web::Json;
use serde::Serialize;
use shared_claims::MaybeAuthenticated;
use utoipa::ToSchema;

/// A greeting, by name if the request had a token.
#[derive(Serialize, ToSchema)]
pub struct PublicGreeting {
    /// Text for display
    #[schema(example = "Hello stranger")]
    message: String,
}

/// Requires no token, but rejects an invalid one.
#[utoipa::path(
    get,
    path = "/greeting", operation_id = "greeting",
    security((), ("access_token" = [])),
    responses((status = 200, description = "A greeting", body = PublicGreeting))
)]
pub async fn show(MaybeAuthenticated(caller): MaybeAuthenticated) -> Json<PublicGreeting> {
    let name = caller.as_ref().map_or("stranger", |caller| &caller.claims().name);
    Json(PublicGreeting { message: format!("Hello {name}") })
}
