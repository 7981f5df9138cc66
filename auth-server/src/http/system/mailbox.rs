//! The mailbox of the local stack: the files of `MAIL_DIR`, and a page that shows them.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, guard};
use serde_json::json;
use server_kit::framework_errors::{get_or_head, resource};
use server_kit::page_files;
use shared_claims::{Code, Problem};

use crate::domain::context::Context;
use crate::domain::mail::Folder;

/// Mails have inline styles, and the frame of a mail inherits this policy.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FILES: [(&str, &str, &str); 4] = [
    ("/demo/mail", "text/html; charset=utf-8", include_str!("../../../../web/demo/mail/index.html")),
    ("/demo/mail/mail.js", SCRIPT, include_str!("../../../../web/demo/mail/mail.js")),
    ("/demo/mail/message.js", SCRIPT, include_str!("../../../../web/demo/mail/message.js")),
    ("/demo/mail/mail.css", "text/css; charset=utf-8", include_str!("../../../../web/demo/mail/mail.css")),
];
/// The newest ones.
const MAX_MAILS: usize = 200;

/// `host`: the issuer's. With any other name the page does not exist, so that a page whose name leads to this machine (DNS
/// rebinding) cannot read mails.
pub fn routes(config: &mut web::ServiceConfig, host: &str) {
    let of_issuer = || guard::Host(host);
    for (path, media_type, content) in FILES {
        let page = get_or_head().to(move |request: HttpRequest| {
            let response =
                page_files::respond(&request, media_type, POLICY, Bytes::from_static(content.as_bytes()));
            async { response }
        });
        config.service(resource(path, "GET, HEAD").guard(of_issuer()).route(page));
    }
    config
        .service(
            resource("/demo/mail/messages", "GET, HEAD")
                .guard(of_issuer())
                .route(get_or_head().to(list_mails)),
        )
        .service(
            resource("/demo/mail/messages/{name}", "GET, HEAD")
                .guard(of_issuer())
                .route(get_or_head().to(get_mail)),
        );
}

async fn list_mails(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let listed = folder(&context)?.list(MAX_MAILS).await.map_err(|error| unreadable(&error))?;
    let items: Vec<_> = listed
        .into_iter()
        .map(|mail| json!({"name": mail.name, "to": mail.to, "subject": mail.subject, "date": mail.date}))
        .collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({"items": items})))
}

async fn get_mail(context: web::Data<Context>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let mail = folder(&context)?.read(&name).await.map_err(|error| unreadable(&error))?;
    let mail = mail.ok_or_else(|| Problem::new(Code::NotFound))?;
    let response = HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(mail);
    Ok(response)
}

fn folder(context: &Context) -> Result<&Folder, Problem> {
    let folder = context.mailer.as_ref().and_then(|mailer| mailer.transport.as_folder());
    folder.ok_or_else(|| Problem::new(Code::NotFound))
}

fn unreadable(error: &std::io::Error) -> Problem {
    log::error!("cannot read MAIL_DIR: {error}");
    Problem::new(Code::InternalError)
}
