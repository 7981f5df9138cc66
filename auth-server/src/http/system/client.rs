//! The modules of the browser client that the pages of this server use: files of `web/client/`, compiled in.

use actix_web::web;
use server_kit::docs::{content_security_policy, page};

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path and content.
const FILES: [(&str, &str); 8] = [
    ("/client/account.js", include_str!("../../../../web/client/account.js")),
    ("/client/auth.js", include_str!("../../../../web/client/auth.js")),
    ("/client/factors.js", include_str!("../../../../web/client/factors.js")),
    ("/client/passkeys.js", include_str!("../../../../web/client/passkeys.js")),
    ("/client/record.js", include_str!("../../../../web/client/record.js")),
    ("/client/server.js", include_str!("../../../../web/client/server.js")),
    ("/client/session.js", include_str!("../../../../web/client/session.js")),
    ("/client/state.js", include_str!("../../../../web/client/state.js")),
];

pub fn routes(config: &mut web::ServiceConfig) {
    for (path, content) in FILES {
        page(config, path, SCRIPT, content_security_policy(None), content);
    }
}
