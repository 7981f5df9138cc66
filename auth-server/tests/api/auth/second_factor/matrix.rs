//! Every way in, for every kind of user, under every policy.

use actix_web::rt;
use awc::http::Method;
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;
use test_support::{Authenticator as Passkey, Call, Response, evidence};

use crate::app::{PASSWORD, TestApp, claims};
use crate::authenticator::Authenticator;
use crate::mailbox::MailApp;
use crate::passkey::{passkey, security_key};
use crate::system::sign_in_link::server_with;

/// The result is the `acr` of the session, with `-` if it does not have the user's role, or the code of the problem.
const TABLE: &str = "
    way        | user       | off     | optional     | required               | role
    password   | none       | 1fa     | 1fa          | mfa_enrolment_required | 1fa-
    password   | app        | 1fa     | mfa_required | mfa_required           | mfa_required
    password   | locked     | 1fa     | mfa_required | mfa_required           | mfa_required
    password   | disabled   | invalid_credentials | invalid_credentials | invalid_credentials | invalid_credentials
    password   | unverified | email_code_required | email_code_required | email_code_required | email_code_required
    password   | passkey    | 1fa     | 1fa          | mfa_required           | 1fa-
    password   | key        | 1fa     | mfa_required | mfa_required           | mfa_required
    passkey    | none       | not_found | phr        | phr                    | phr
    passkey    | app        | not_found | phr        | phr                    | phr
    passkey    | locked     | not_found | phr        | phr                    | phr
    passkey    | disabled   | not_found | invalid_credentials | invalid_credentials | invalid_credentials
    passkey    | unverified | not_found | email_code_required | email_code_required | email_code_required
    link       | none       | 1fa     | 1fa          | mfa_enrolment_required | 1fa-
    link       | app        | 1fa     | mfa_required | mfa_required           | mfa_required
    link       | locked     | 1fa     | mfa_required | mfa_required           | mfa_required
    link       | passkey    | 1fa     | 1fa          | mfa_required           | 1fa-
    link       | key        | 1fa     | mfa_required | mfa_required           | mfa_required
    link       | unverified | email_code_required | email_code_required | email_code_required | email_code_required
    register   | none       | 1fa     | 1fa          | mfa_enrolment_required | 1fa
    mailed     | none       | 1fa     | 1fa          | mfa_enrolment_required | 1fa
    invitation | none       | 1fa     | 1fa          | mfa_enrolment_required | 1fa-
    invitation | unverified | email_code_required | email_code_required | email_code_required | email_code_required
";

fn flags(policy: &str) -> Vec<&'static str> {
    match policy {
        "role" => vec!["--mfa-required-roles", "editor"],
        "off" => vec!["--mfa", "off"],
        "required" => vec!["--mfa", "required"],
        _ => vec!["--mfa", "optional"],
    }
}

fn result(response: &Response) -> String {
    let body = response.json();
    if response.status > 201 {
        return body["code"].as_str().expect("a code").to_owned();
    }
    let token = claims(body["access_token"].as_str().expect("a token"));
    let withheld = body["user"]["roles"] != token["roles"];
    assert_eq!(body["user"]["roles_withheld"], json!(if withheld { vec!["editor"] } else { vec![] }));
    format!("{}{}", token["acr"].as_str().expect("an acr"), if withheld { "-" } else { "" })
}

/// A database with ann in this state. She always has the passkey for the way in by it.
async fn database(way: &str, user: &str) -> (TestApp, Passkey) {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let mut passkey = if user == "key" { security_key() } else { passkey() };
    if way == "passkey" || user == "passkey" {
        app.add_passkey(&ann, &mut passkey, "passkey").await;
    } else if user == "key" {
        app.add_passkey(&ann, &mut passkey, "security_key").await;
    }
    if ["app", "locked"].contains(&user) {
        Authenticator::set_up(&app, &ann).await;
    }
    let change = match user {
        "locked" => "factor_failures = 100",
        "disabled" => "disabled_at = created_at",
        "unverified" => "email_verified_at = NULL",
        _ => "email_verified_at = created_at",
    };
    app.database.db_execute(&format!(r#"UPDATE users SET roles = '["editor"]', {change}"#));
    (app, passkey)
}

/// The response to a way in, at another server on this database with these flags.
async fn enter(app: &TestApp, passkey: &Passkey, way: &str, user: &str, policy: &str) -> Response {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().display().to_string();
    let mut flags = flags(policy);
    if way == "mailed" {
        flags.extend(["--email-verification", "required"]);
        let app = MailApp::with(&flags).await;
        let person = json!({"email": "new@example.org", "password": PASSWORD});
        let response = app.post("/auth/register").json(&person).send().await.assert_status(202);
        let (_, code) = app.link("new@example.org", "register").await;
        let body = json!({"continuation": response.json()["continuation"], "code": code.expect("a code")});
        let response = app.post("/auth/register/confirm").json(&body).send().await;
        app.app.stop().await;
        return response;
    }
    if user == "unverified" {
        flags.extend(["--email-verification", "required", "--mail-transport", "file", "--mail-dir", &path]);
        flags.extend(["--mail-from", "test@example.org"]);
    }
    if way == "link" {
        let server = server_with(&app.database, &app.clock, true, &flags).await;
        let code = server.sign_in_code("ann@example.org").await.expect("a database").expect("a code");
        let url = format!("http://{}/demo/sign-in", server.address());
        evidence::secret(code.expose_secret());
        let handle = server.handle();
        rt::spawn(server.run());
        let body = json!({"code": code.expose_secret()});
        let response = Call::new(Method::POST, url).json(&body).send().await;
        handle.stop(false).await;
        return response;
    }
    let server = app.another_with(&flags).await.expect("a server");
    let response = match way {
        "password" => server.try_login("ann", &json!({})).await,
        "passkey" if policy == "off" => server.post("/auth/passkey/options").send().await,
        "passkey" => server.log_in_with_passkey(passkey).await,
        "register" => {
            let person = json!({"email": format!("{policy}@example.org"), "password": PASSWORD});
            server.post("/auth/register").json(&person).send().await
        }
        "invitation" => {
            let root = app.db_administrator(&format!("root-{policy}")).await;
            let offer = json!({"email": format!("{policy}@example.org"), "roles": ["editor"]});
            let invited =
                app.post("/admin/invitations").cookie(&root.refresh_token).json(&offer).send().await;
            let invited = invited.assert_status(201).json();
            let (_, token) = invited["link"].as_str().expect("a link").split_once('#').expect("a token");
            let body = json!({"token": token, "password": PASSWORD});
            server.post("/auth/invitations/accept").json(&body).send().await
        }
        other => panic!("unknown way: {other}"),
    };
    // PostgreSQL has a hundred connections for all tests, and each server holds some.
    server.stop().await;
    response
}

#[actix_web::test]
async fn every_way_in_ends_in_the_same_rules() {
    let mut rows = TABLE.trim().lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let policies = rows.next().expect("a head");
    for row in rows {
        let (app, passkey) = database(row[0], row[1]).await;
        for (policy, expected) in policies.iter().zip(&row).skip(2) {
            let response = enter(&app, &passkey, row[0], row[1], policy).await;
            // One mail a minute.
            app.advance(TimeDelta::minutes(1));
            assert_eq!(result(&response), *expected, "{} {} {policy}", row[0], row[1]);
            if response.status > 201 {
                assert!(response.set_cookie().is_none(), "{} {} {policy}", row[0], row[1]);
            }
        }
        app.stop().await;
    }
}
