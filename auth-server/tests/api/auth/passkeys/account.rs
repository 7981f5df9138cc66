//! The user's own passkeys.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::authenticator::USER_VERIFIED;

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::authenticator::codes;
use crate::mailbox::MailApp;
use crate::passkey::{passkey, security_key};

#[actix_web::test]
async fn options_name_the_user_and_what_the_kind_needs() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    app.add_passkey(&session, &mut phone, "passkey").await;
    let options = app.passkey_options(&session, "passkey").await;
    assert_eq!(options["rp"], json!({"id": "localhost", "name": "Latchkey"}));
    assert_eq!(options["user"]["name"], "ann@example.org");
    assert_eq!(options["excludeCredentials"][0]["transports"], json!(["hybrid", "internal"]));
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    let options = app.passkey_options(&session, "security_key").await;
    assert_eq!(options["authenticatorSelection"]["residentKey"], "discouraged");
    for kind in [json!({"kind": "totp"}), json!({}), json!({"kind": 1})] {
        let response = app.change_factors(&session, Method::POST, "/passkey/options", &kind).await;
        assert!([400, 422].contains(&response.status), "{kind}");
    }
}

#[actix_web::test]
async fn passkeys_are_listed_renamed_and_removed() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    let added = app.add_passkey(&session, &mut phone, "passkey").await;
    assert_eq!(
        (&added["kind"], &added["name"], &added["synced"], &added["passwordless"]),
        (&json!("passkey"), &json!("Passkey"), &json!(true), &json!(true))
    );
    assert!(added.get("recovery_codes").is_none());
    let path = format!("/{}", added["id"].as_str().unwrap());
    app.change_factors(&session, Method::PATCH, &path, &json!({"name": "Phone"})).await.assert_status(204);
    let factors = app.factors(&session).await;
    assert_eq!((&factors["second_factor"], &factors["factors"][0]["name"]), (&json!(false), &json!("Phone")));
    assert_eq!(factors["passkey_ids"], json!([phone.assert(&json!({"challenge": ""}))["id"]]));
    assert_eq!(factors["rp_id"], "localhost");
    let other = app.register("bob").await;
    app.change_factors(&other, Method::DELETE, &path, &json!({})).await.assert_problem(404, "not_found");
    app.change_factors(&session, Method::DELETE, &path, &json!({})).await.assert_status(204);
    assert_eq!(app.factors(&session).await["factors"], json!([]));
}

#[actix_web::test]
async fn a_removed_passkey_does_not_come_back_with_its_old_response() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let credential = passkey().register(&app.passkey_options(&session, "passkey").await);
    let body = json!({"credential": credential});
    let added = app.change_factors(&session, Method::POST, "/passkey", &body).await.assert_status(201).json();
    let path = format!("/{}", added["id"].as_str().unwrap());
    app.change_factors(&session, Method::DELETE, &path, &json!({})).await.assert_status(204);
    let again = app.change_factors(&session, Method::POST, "/passkey", &body).await;
    assert!(again.assert_problem(422, "invalid_input").json()["fields"]["credential"].is_string());
}

#[actix_web::test]
async fn where_mail_is_on_the_address_is_verified_before_the_first_passkey() {
    let app = MailApp::start().await;
    let session = app.register("ann").await;
    let kind = json!({"kind": "passkey"});
    let options = app.change_factors(&session, Method::POST, "/passkey/options", &kind).await;
    options.assert_problem(403, "email_unverified");
    let verified = "UPDATE users SET email_verified_at =";
    app.database.db_execute(&format!("{verified} created_at"));
    let body = json!({"credential": passkey().register(&app.passkey_options(&session, "passkey").await)});
    app.database.db_execute(&format!("{verified} NULL"));
    let added = app.change_factors(&session, Method::POST, "/passkey", &body).await;
    added.assert_problem(403, "email_unverified");
}

#[actix_web::test]
async fn a_security_key_turns_the_second_factor_on_and_ends_other_sessions() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let other = app.log_in("ann").await;
    let mut key = security_key();
    let added = app.add_passkey(&session, &mut key, "security_key").await;
    assert_eq!((&added["kind"], &added["passwordless"]), (&json!("security_key"), &json!(false)));
    assert_eq!(codes(&added).len(), 10);
    assert_eq!(app.factors(&session).await["second_factor"], true);
    app.me(&other.refresh_token).await.assert_problem(401, "session_ended");
}

#[actix_web::test]
async fn a_new_passkey_must_be_for_this_session_valid_and_new() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let other = app.register("bob").await;
    let add = async |by: &Session, credential: &Value| {
        app.change_factors(by, Method::POST, "/passkey", &json!({"credential": credential})).await
    };
    let options = app.passkey_options(&session, "passkey").await;
    let mut phone = passkey();
    let valid = phone.register(&options);
    add(&other, &valid).await.assert_problem(422, "invalid_input");
    let mut unverified = passkey();
    unverified.flags &= !USER_VERIFIED;
    add(&session, &unverified.register(&options)).await.assert_problem(422, "invalid_input");
    for malformed in [json!({}), json!({"id": "x"})] {
        let problem = add(&session, &malformed).await.assert_problem(422, "invalid_input").json();
        assert!(problem["fields"]["credential"].is_string());
    }
    add(&session, &valid).await.assert_status(201);
    add(&session, &valid).await.assert_problem(422, "invalid_input");
    // A credential belongs to one user.
    let stolen = phone.register(&app.passkey_options(&other, "passkey").await);
    add(&other, &stolen).await.assert_problem(422, "invalid_input");
    let late = passkey().register(&app.passkey_options(&other, "passkey").await);
    app.advance(TimeDelta::seconds(299));
    app.refresh(&other.refresh_token).await.assert_status(200);
    app.advance(TimeDelta::seconds(1));
    let fresh = app.log_in("bob").await;
    add(&fresh, &late).await.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn passkeys_are_added_in_a_fresh_session_only() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let credential = passkey().register(&app.passkey_options(&session, "passkey").await);
    app.advance(TimeDelta::seconds(301));
    let kind = json!({"kind": "passkey"});
    for (path, body) in [("/passkey/options", &kind), ("/passkey", &json!({"credential": credential}))] {
        let response = app.change_factors(&session, Method::POST, path, body).await;
        response.assert_problem(403, "fresh_login_required");
    }
}

#[actix_web::test]
async fn a_user_has_at_most_20_passkeys() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    for _ in 0..20 {
        app.add_passkey(&session, &mut passkey(), "passkey").await;
    }
    let credential = passkey().register(&app.passkey_options(&session, "passkey").await);
    let body = json!({"credential": credential});
    let response = app.change_factors(&session, Method::POST, "/passkey", &body).await;
    assert!(response.assert_problem(422, "invalid_input").json()["detail"].as_str().unwrap().contains("20"));
}

#[actix_web::test]
async fn without_a_domain_or_second_factors_there_are_no_passkeys() {
    for flags in [["--issuer", "http://127.0.0.1:8080"], ["--mfa", "off"]] {
        let app = TestApp::with(&flags).await;
        app.post("/auth/passkey/options").send().await.assert_problem(404, "not_found");
        app.get("/.well-known/webauthn").send().await.assert_problem(404, "not_found");
        let session = app.register("ann").await;
        let kind = json!({"kind": "passkey"});
        let response = app.change_factors(&session, Method::POST, "/passkey/options", &kind).await;
        response.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_session_steps_up_with_a_passkey() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let options = async |session: &Session| {
        app.post("/auth/reauthenticate/options").cookie(&session.refresh_token).send().await
    };
    options(&session).await.assert_problem(404, "not_found");
    let mut phone = passkey();
    app.add_passkey(&session, &mut phone, "passkey").await;
    app.advance(TimeDelta::minutes(10));
    let session = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    let request = options(&session).await.assert_status(200).json();
    assert_eq!(request["allowCredentials"].as_array().unwrap().len(), 1);
    let proof = json!({"passkey": phone.assert(&request)});
    let call = app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&proof);
    let strong = Session::of(&call.send().await.assert_status(200));
    let token = claims(&strong.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pwd", "pop", "user", "mfa"]), &json!("phr")));
    let again = app.post("/auth/reauthenticate").cookie(&strong.refresh_token).json(&proof).send().await;
    again.assert_problem(401, "passkey_invalid");
    // The options of another session, or of a login.
    let other = app.log_in("ann").await;
    for request in [options(&other).await.assert_status(200).json(), app.login_options().await] {
        let proof = json!({"passkey": phone.assert(&request)});
        let call = app.post("/auth/reauthenticate").cookie(&strong.refresh_token).json(&proof);
        call.send().await.assert_problem(401, "passkey_invalid");
    }
    let both = json!({"password": PASSWORD, "passkey": phone.assert(&request)});
    let call = app.post("/auth/reauthenticate").cookie(&strong.refresh_token).json(&both);
    call.send().await.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn origins_of_other_domains_are_listed_for_browsers() {
    let flags = [
        "--issuer",
        "https://auth.example.org",
        "--webauthn-rp-id",
        "example.org",
        "--allowed-origins",
        "https://app.example.org,https://example.com",
        "--webauthn-origins",
        "android:apk-key-hash:AAAA,https://example.net",
    ];
    let app = TestApp::with(&flags).await;
    let listed = app.get("/.well-known/webauthn").send().await.assert_status(200).json();
    assert_eq!(listed, json!({"origins": ["https://example.com", "https://example.net"]}));
    assert_eq!(app.login_options().await["rpId"], "example.org");
    let metadata = app.get("/.well-known/oauth-authorization-server").send().await.json();
    assert_eq!(metadata["acr_values_supported"], json!(["1fa", "mfa", "phr"]));
    for flags in [
        ["--webauthn-rp-id", "example.com"],
        ["--webauthn-rp-id", "org"],
        ["--webauthn-rp-id", "xample.org"],
        ["--webauthn-origins", "nonsense"],
    ] {
        let all = [&["--issuer", "https://auth.example.org"][..], &flags].concat();
        let refused = app.another_with(&all).await;
        assert!(refused.is_err_and(|error| error.starts_with("WEBAUTHN_")), "{flags:?}");
    }
}
