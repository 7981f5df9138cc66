//! The page of `deploy/site/`, in Chromium.

use test_support::fault_proxy::Faults;

use super::proxy::Kind;
use super::site::Site;
use crate::browser::{act, control};

async fn play_behind(kind: Kind) {
    let site = Site::start(kind).await;
    // Nothing gets lost here; it is asked to move the time.
    let control = control::listen(Faults::default(), site.stack.clock.clone());
    let control_url = format!("http://127.0.0.1:{}", control.port());
    act("protected_site", &[("AUTH_URL", &site.url), ("CONTROL_URL", &control_url)]).await;
}

#[actix_web::test]
async fn people_get_to_a_page_behind_nginx_by_logging_in_and_stay_in() {
    play_behind(Kind::Nginx).await;
}

#[actix_web::test]
async fn people_get_to_a_page_behind_caddy_by_logging_in_and_stay_in() {
    play_behind(Kind::Caddy).await;
}
