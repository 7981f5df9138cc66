//! The sign-in page behind the proxies, in Chromium.

use std::sync::Arc;

use test_support::fault_proxy::Faults;

use super::proxy::Kind;
use super::site::Site;
use crate::browser::{act, control};

async fn play_behind(kind: Kind) {
    let site = Site::start(kind).await;
    // Only its clock is used here.
    let control = control::listen(Faults::default(), site.stack.clock.clone(), Arc::default());
    let control_url = format!("http://127.0.0.1:{}", control.port());
    act("protected_site", &[("AUTH_URL", &site.url), ("CONTROL_URL", &control_url)]).await;
}

#[actix_web::test]
async fn a_login_gives_access_to_a_page_behind_nginx_and_keeps_it() {
    play_behind(Kind::Nginx).await;
}

/// The other tests of the proxies run behind both.
#[actix_web::test]
#[ignore = "long: the same page again"]
async fn a_login_gives_access_to_a_page_behind_caddy_and_keeps_it() {
    play_behind(Kind::Caddy).await;
}
