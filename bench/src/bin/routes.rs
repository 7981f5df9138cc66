//! Routes to compare those of the resource server with. Listens on `BIND_ADDR`.
//!
//! With `BARE`: a route of actix without any middleware. Otherwise the resource server with `/open`, which has the JSON of
//! `/protected` and requires no token.

use std::env;
use std::sync::Arc;

use actix_web::web::{self, Json};
use actix_web::{App, HttpServer};
use clap::Parser;
use resource_server::{ResourceServer, Settings};
use serde::Serialize;
use shared_claims::SystemClock;

#[derive(Serialize)]
struct Greeting {
    message: String,
    user_id: String,
    roles: Vec<String>,
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    if env::var_os("BARE").is_some() {
        let address = env::var("BIND_ADDR").expect("BIND_ADDR");
        let app =
            || App::new().route("/protected", web::get().to(greet)).route("/healthz", web::get().to(greet));
        return HttpServer::new(app).bind(address)?.run().await;
    }
    let settings = Settings::parse();
    let open = |config: &mut web::ServiceConfig| {
        config.route("/open", web::get().to(greet));
    };
    let server = ResourceServer::with_routes(&settings, Arc::new(SystemClock), open).expect("a server");
    server.run().await
}

/// Allocates what the handler of `/protected` allocates.
async fn greet() -> Json<Greeting> {
    Json(Greeting {
        message: format!("Hello {}", "there"),
        user_id: "7c9f1c52-8a3e-4c0e-9a53-2f6c1f0b7d11".to_owned(),
        roles: Vec::new(),
    })
}
