//! Chromium against both servers. Each test is a scenario in `e2e/browser/`, which runs on a stack of its own.

pub mod control;
mod one_host;
mod scenario;

pub use scenario::act;
use scenario::{
    play, play_behind_one_host, play_console, play_on_local_stack, play_with_factors_of_administrators,
    play_with_required_addresses, play_with_required_factors,
};

#[actix_web::test]
async fn no_script_can_read_the_refresh_cookie_and_no_other_site_can_send_it() {
    play("cookie").await;
}

#[actix_web::test]
async fn a_page_without_tokens_works_and_pages_of_other_sites_do_not() {
    play_behind_one_host("both_cookies").await;
}

#[actix_web::test]
async fn everything_works_by_keyboard_from_registration_to_logout() {
    play("loop").await;
}

#[actix_web::test]
async fn a_first_visit_makes_no_request_to_the_auth_server() {
    play("first_visit").await;
}

#[actix_web::test]
async fn a_reload_keeps_the_user_signed_in() {
    play("reload").await;
}

#[actix_web::test]
async fn two_tabs_stay_signed_in_after_lost_responses() {
    play("lost_responses").await;
}

#[actix_web::test]
async fn a_password_can_be_confirmed_and_changed_despite_lost_responses_and_other_tabs() {
    play("lost_rotations").await;
}

#[actix_web::test]
async fn two_racing_tabs_stay_signed_in_after_lost_responses() {
    play("racing_tabs").await;
}

#[actix_web::test]
async fn an_outage_of_the_auth_server_signs_no_user_out() {
    play("outage").await;
}

#[actix_web::test]
async fn a_login_and_a_logout_reach_the_other_tab() {
    play("other_tab").await;
}

#[actix_web::test]
async fn a_session_ended_elsewhere_leads_to_the_login_form() {
    play("ended_elsewhere").await;
}

#[actix_web::test]
async fn a_page_works_while_storage_is_full_or_blocked() {
    play("restrictions").await;
}

#[actix_web::test]
async fn a_page_can_have_clients_of_its_own() {
    play("own_calls").await;
}

#[actix_web::test]
async fn the_examples_in_react_vue_and_svelte_work_on_an_origin_of_their_own() {
    play("examples").await;
}

#[actix_web::test]
async fn the_page_requests_a_fresh_login_if_the_api_requires_it() {
    play("fresh_login").await;
}

#[actix_web::test]
async fn a_password_change_signs_out_other_browsers_only() {
    play("password_change").await;
}

#[actix_web::test]
async fn a_password_that_an_administrator_set_must_be_changed() {
    play("required_password").await;
}

#[actix_web::test]
async fn the_page_ends_other_sessions_and_deletes_the_account() {
    play("account").await;
}

#[actix_web::test]
async fn users_manage_their_account_and_operators_use_a_setup_link() {
    play_on_local_stack("account_page").await;
}

#[actix_web::test]
async fn a_sign_in_link_works_once_and_leaves_no_trace() {
    play_on_local_stack("sign_in_link").await;
}

#[actix_web::test]
async fn the_mailbox_of_the_local_stack_shows_every_mail() {
    play_on_local_stack("mailbox").await;
}

#[actix_web::test]
async fn addresses_are_proved_changed_and_used_for_new_passwords_by_mail() {
    play_with_required_addresses("mailed_links").await;
}

#[actix_web::test]
async fn the_sign_in_pages_work_by_keyboard_and_on_a_phone() {
    play_on_local_stack("sign_in_pages").await;
}

#[actix_web::test]
async fn users_set_up_a_second_factor_and_sign_in_with_it() {
    play_on_local_stack("second_factor").await;
}

#[actix_web::test]
async fn users_sign_in_with_passkeys_and_security_keys() {
    play_on_local_stack("passkeys").await;
}

#[actix_web::test]
async fn users_set_up_a_second_factor_at_sign_in_if_it_is_required() {
    play_with_required_factors("second_factor_required").await;
}

#[actix_web::test]
async fn administrators_confirm_with_a_second_factor_and_reset_those_of_users() {
    play_with_factors_of_administrators("second_factor_console").await;
}

#[actix_web::test]
async fn administrators_manage_everything_in_the_console() {
    play_console("console").await;
}

#[actix_web::test]
async fn the_console_loses_nothing_typed_when_it_is_interrupted() {
    play_console("console_interrupted").await;
}

#[actix_web::test]
async fn a_page_on_another_port_works_with_the_local_stack_directly_and_behind_a_development_server() {
    play_on_local_stack("own_page").await;
}

#[actix_web::test]
async fn the_api_reference_sends_requests_with_the_session_of_the_page() {
    play_on_local_stack("docs").await;
}

#[actix_web::test]
async fn the_page_fits_a_phone_and_follows_a_strict_policy() {
    play("looks").await;
}

#[actix_web::test]
async fn the_sign_in_card_shows_errors_at_the_field_and_focuses_the_first() {
    play("sign_in_card").await;
}

#[actix_web::test]
async fn the_timeline_and_the_token_show_what_happened_without_secrets() {
    play("timeline").await;
}

#[actix_web::test]
async fn the_experiments_draw_the_requests_that_they_make() {
    play("experiments").await;
}

#[actix_web::test]
async fn the_pages_are_accessible_in_every_state() {
    play_on_local_stack("accessibility").await;
}

#[actix_web::test]
async fn the_pages_load_without_shifts_and_stay_small() {
    play_on_local_stack("weight").await;
}
