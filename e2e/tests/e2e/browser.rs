//! Chromium against both servers. Each test is a scenario in `e2e/browser/`, which runs on a stack of its own.

pub mod control;
mod one_host;
mod scenario;

pub use scenario::act;
use scenario::{play, play_behind_one_host};

#[actix_web::test]
async fn no_script_can_read_the_refresh_cookie_and_no_other_site_can_send_it() {
    play("cookie").await;
}

#[actix_web::test]
async fn a_page_that_never_touches_a_token_is_served_and_no_other_sites_page() {
    play_behind_one_host("both_cookies").await;
}

#[actix_web::test]
async fn everything_can_be_done_by_keyboard_from_registering_to_logging_out() {
    play("loop").await;
}

#[actix_web::test]
async fn a_first_visit_asks_the_server_for_nothing() {
    play("first_visit").await;
}

#[actix_web::test]
async fn a_reload_keeps_the_person_logged_in() {
    play("reload").await;
}

#[actix_web::test]
async fn two_tabs_whose_refreshes_got_lost_are_still_logged_in() {
    play("lost_responses").await;
}

#[actix_web::test]
async fn two_tabs_that_race_and_whose_refreshes_got_lost_are_still_logged_in() {
    play("racing_tabs").await;
}

#[actix_web::test]
async fn an_auth_server_that_cannot_serve_logs_nobody_out() {
    play("outage").await;
}

#[actix_web::test]
async fn a_login_and_a_logout_reach_the_other_tab() {
    play("other_tab").await;
}

#[actix_web::test]
async fn a_session_that_was_ended_elsewhere_leads_to_the_login_form() {
    play("ended_elsewhere").await;
}

#[actix_web::test]
async fn a_fresh_login_is_asked_for_where_it_is_wanted() {
    play("fresh_login").await;
}

#[actix_web::test]
async fn another_password_logs_out_other_browsers_and_not_the_own_one() {
    play("password_change").await;
}

#[actix_web::test]
async fn other_logins_are_ended_and_the_account_is_deleted_from_the_page() {
    play("account").await;
}

#[actix_web::test]
async fn the_page_fits_a_telephone_and_keeps_to_a_strict_policy() {
    play("looks").await;
}
