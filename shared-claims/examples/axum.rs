//! The API of docs/recipes/axum.md.
use std::env;
use std::error::Error;

use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::{Value, json};
use shared_claims::{
    AccessTokenValidator, Authenticated, JwksSource, Problem, RemoteKeySet, RemoteKeySetOptions,
};
use tokio::net::TcpListener;
use tower_http::cors::{Any, CorsLayer};

async fn protected(caller: Authenticated) -> Json<Value> {
    Json(json!({"message": format!("Hello {}", caller.claims().name), "user_id": caller.user_id()}))
}

async fn admin(caller: Authenticated) -> Result<Json<Value>, Problem> {
    caller.require_role("admin")?;
    Ok(Json(json!({"message": format!("Hello administrator {}", caller.claims().name)})))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let issuer = setting("ISSUER", "http://localhost:8080");
    let page: HeaderValue = setting("PAGE_ORIGIN", "http://localhost:5173").parse()?;

    let keys = RemoteKeySet::spawn(JwksSource::Issuer(issuer.clone()), RemoteKeySetOptions::default());
    let validator = AccessTokenValidator::new(issuer, setting("AUDIENCE", "api"), keys)
        .with_cache(16 << 20)
        .with_error_pages();
    let cors =
        CorsLayer::new().allow_origin(page).allow_methods(Any).allow_headers([AUTHORIZATION, CONTENT_TYPE]);
    let app = Router::new()
        .route("/protected", get(protected))
        .route("/admin", get(admin))
        .layer(Extension(validator))
        .layer(cors);
    let port = setting("PORT", "3000").parse::<u16>()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
