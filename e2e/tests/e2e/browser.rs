//! Chromium against both servers. Each test is a scenario in `e2e/browser/`, which runs on a stack of its own.

mod control;
mod scenario;

use scenario::play;

#[actix_web::test]
async fn no_script_can_read_the_refresh_cookie_and_no_other_site_can_send_it() {
    play("cookie").await;
}
