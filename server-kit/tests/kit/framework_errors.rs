//! Errors of the framework become problems, and HEAD works where GET does, over real HTTP.

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use awc::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use awc::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use server_kit::framework_errors::{get_or_head, resource, to_problems};
use shared_claims::{Code, Problem};

#[derive(Deserialize)]
struct Plan {
    plan: String,
}

fn start() -> String {
    let app = || {
        App::new()
            .service(resource("/hello", "GET, HEAD").route(get_or_head().to(async || "hello")))
            .route("/closed", get_or_head().to(async || Err::<String, _>(Problem::new(Code::MissingToken))))
            .route("/number/{n}", web::get().to(async |n: web::Path<u32>| n.to_string()))
            .route("/json", web::post().to(async |body: web::Json<Plan>| body.plan.clone()))
            .route("/crash", web::get().to(crash))
            .wrap(from_fn(to_problems))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    url
}

async fn crash() -> Result<String, actix_web::Error> {
    Err(actix_web::error::ErrorInternalServerError("password=hunter2 at db.internal:5432"))
}

async fn send(method: Method, url: &str, body: &'static str) -> (StatusCode, HeaderMap, String) {
    let mut response = awc::Client::default().request(method, url).send_body(body).await.expect("a response");
    let body = response.body().await.expect("a body").to_vec();
    (response.status(), response.headers().clone(), String::from_utf8(body).expect("text"))
}

#[actix_web::test]
async fn errors_of_the_framework_become_problems_and_keep_its_text_to_themselves() {
    let server = start();
    for (method, path, body, status, code) in [
        (Method::GET, "/nowhere", "", 404, "not_found"),
        (Method::GET, "/number/x", "", 404, "not_found"),
        (Method::DELETE, "/hello", "", 405, "method_not_allowed"),
        (Method::POST, "/json", "{}", 400, "malformed_request"),
        (Method::GET, "/crash", "", 500, "internal_error"),
    ] {
        let (actual, headers, body) = send(method, &format!("{server}{path}"), body).await;
        let problem: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(actual, status, "{path}: {body}");
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{path}");
        assert_eq!(headers.get(CONTENT_TYPE).expect("a type"), "application/problem+json");
        assert_eq!(headers.get(CACHE_CONTROL).expect("caching"), "no-store");
        assert!(!body.contains("hunter2"), "{body}");
        let allow = headers.get(ALLOW).map(|allow| allow.to_str().expect("text"));
        assert_eq!(allow, (status == 405).then_some("GET, HEAD"), "{path}");
    }
}

#[actix_web::test]
async fn head_works_where_get_does() {
    let server = start();
    let hello = format!("{server}/hello");
    let (status, get, body) = send(Method::GET, &hello, "").await;
    assert_eq!((status.as_u16(), body.as_str()), (200, "hello"));
    let (status, head, body) = send(Method::HEAD, &hello, "").await;
    assert_eq!((status.as_u16(), body.as_str()), (200, ""));
    assert_eq!(head.get(CONTENT_LENGTH), get.get(CONTENT_LENGTH));
    let (status, _, _) = send(Method::HEAD, &format!("{server}/closed"), "").await;
    assert_eq!(status, 401);
}
