use actix_web::web::Json;
use serde::Serialize;
use shared_claims::Authenticated;
use utoipa::ToSchema;

/// A greeting for a user.
#[derive(Serialize, ToSchema)]
pub struct Greeting {
    /// Text for display
    #[schema(example = "Hello Ada")]
    message: String,
    /// Id of the user, a UUID
    user_id: String,
    /// Roles of the user
    roles: Vec<String>,
}

impl Greeting {
    pub fn to(caller: &Authenticated) -> Self {
        Self {
            message: format!("Hello {}", caller.claims().name),
            user_id: caller.user_id().to_owned(),
            roles: caller.roles().to_vec(),
        }
    }
}

/// Requires a valid access token.
#[utoipa::path(
    get,
    path = "/protected", operation_id = "protected",
    security(("access_token" = [])),
    responses((status = 200, description = "A greeting", body = Greeting))
)]
pub async fn show(caller: Authenticated) -> Json<Greeting> {
    Json(Greeting::to(&caller))
}
