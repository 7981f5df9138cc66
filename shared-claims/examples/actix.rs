//! The API of docs/recipes/actix.md.
use std::env;
use std::error::Error;

use actix_cors::Cors;
use actix_web::{App, HttpServer, get, web};
use serde_json::{Value, json};
use shared_claims::{
    AccessTokenValidator, Authenticated, JwksSource, Problem, RemoteKeySet, RemoteKeySetOptions,
};

#[get("/protected")]
async fn protected(caller: Authenticated) -> web::Json<Value> {
    web::Json(json!({"message": format!("Hello {}", caller.claims().name), "user_id": caller.user_id()}))
}

#[get("/admin")]
async fn admin(caller: Authenticated) -> Result<web::Json<Value>, Problem> {
    caller.require_role("admin")?;
    Ok(web::Json(json!({"message": format!("Hello administrator {}", caller.claims().name)})))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let issuer = setting("ISSUER", "http://localhost:8080");
    let page = setting("PAGE_ORIGIN", "http://localhost:5173");

    let keys = RemoteKeySet::spawn(JwksSource::Issuer(issuer.clone()), RemoteKeySetOptions::default());
    let validator = AccessTokenValidator::new(issuer, setting("AUDIENCE", "api"), keys)
        .with_cache(16 << 20)
        .with_error_pages();
    let app = move || {
        let cors = Cors::default().allowed_origin(&page).allow_any_method().allow_any_header();
        App::new().app_data(validator.clone()).wrap(cors).service(protected).service(admin)
    };
    let port = setting("PORT", "3000").parse::<u16>()?;
    HttpServer::new(app).bind(("127.0.0.1", port))?.run().await?;
    Ok(())
}
