//! Every purpose of a mailed link, and why the link may not be used.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, Session};
use crate::mailbox::MailApp;

/// One purpose: how its link is requested for an address, and how it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Register,
    Verify,
    Reset,
    Invite,
}

use Purpose::{Invite, Register, Reset, Verify};

const ALL: [Purpose; 4] = [Register, Verify, Reset, Invite];

/// A link for NAME@example.org.
struct Link {
    token: String,
    /// The user, if the purpose requires one.
    user: Option<Session>,
}

impl Purpose {
    fn page(self) -> &'static str {
        match self {
            Register => "register",
            Verify => "verify",
            Reset => "reset",
            Invite => "invite",
        }
    }

    fn lifetime(self) -> TimeDelta {
        match self {
            Register | Verify => TimeDelta::hours(24),
            Reset => TimeDelta::minutes(30),
            Invite => TimeDelta::days(7),
        }
    }

    fn has_user(self) -> bool {
        matches!(self, Verify | Reset)
    }

    async fn request(self, app: &MailApp, root: &Session, name: &str) -> Link {
        let email = format!("{name}@example.org");
        let user = if self.has_user() {
            Some(app.another_with(&[]).await.expect("a server").register(name).await)
        } else {
            None
        };
        let new = json!({"email": email, "password": PASSWORD});
        let call = match (self, &user) {
            (Verify, Some(user)) => app.post("/auth/email/verification").cookie(&user.refresh_token),
            (Reset, _) => app.post("/auth/password/forgot").json(&json!({"email": email})),
            (Invite, _) => {
                app.post("/admin/invitations").cookie(&root.refresh_token).json(&json!({"email": email}))
            }
            _ => app.post("/auth/register").json(&new),
        };
        let status = call.send().await.status;
        assert!([201, 202].contains(&status), "{self:?}: {status}");
        Link { token: app.link(&email, self.page()).await.0, user }
    }

    async fn follow(self, app: &MailApp, token: &str) -> Response {
        let (path, password) = match self {
            Register => ("/auth/register/confirm", "password"),
            Verify => ("/auth/email/verify", "password"),
            Reset => ("/auth/password/reset", "new_password"),
            Invite => ("/auth/invitations/accept", "password"),
        };
        let mut body = json!({"token": token});
        body[password] =
            Value::from(if self == Reset { "seven quiet maps paint an otter" } else { PASSWORD });
        app.post(path).json(&body).send().await
    }

    async fn assert_useless(self, app: &MailApp, token: &str, why: &str) {
        let response = self.follow(app, token).await;
        assert_eq!(response.status, 410, "{self:?}, {why}: {}", response.text());
        response.assert_problem(410, "link_invalid");
    }
}

async fn start() -> (MailApp, Session) {
    let app = MailApp::with(&["--email-verification", "required"]).await;
    let root = app.another_with(&[]).await.expect("a server").db_administrator("root").await;
    (app, root)
}

#[actix_web::test]
async fn a_link_works_once_until_it_expires_and_for_its_own_purpose_and_address_only() {
    let (app, _) = start().await;
    for purpose in ALL {
        // Time has passed, and an invitation requires a fresh login.
        let root = app.another_with(&[]).await.expect("a server").log_in("root").await;
        let name = |what: &str| format!("{what}-{}", purpose.page());
        let used = purpose.request(&app, &root, &name("used")).await.token;
        let other = purpose.request(&app, &root, &name("other")).await.token;
        let expired = purpose.request(&app, &root, &name("expired")).await.token;

        let forged = format!("{}{}", &used[..22], &other[22..]);
        purpose.assert_useless(&app, &forged, "the id of one with the MAC of another").await;
        for text in ["", "x", &used[1..], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            purpose.assert_useless(&app, text, text).await;
        }
        for wrong in ALL.into_iter().filter(|wrong| *wrong != purpose) {
            wrong.assert_useless(&app, &used, &format!("of the purpose {purpose:?}")).await;
        }
        let status = purpose.follow(&app, &used).await.status;
        assert!([200, 201, 204].contains(&status), "{purpose:?}: {status}");
        purpose.assert_useless(&app, &used, "used").await;

        // The address or the purpose of the row was changed in the database.
        for (change, back) in [
            ("email = 'root@example.org'".to_owned(), format!("email = '{}@example.org'", name("other"))),
            (
                format!("purpose = '{}'", if purpose == Reset { "verify" } else { "reset" }),
                format!("purpose = '{}'", purpose.page()),
            ),
        ] {
            let row = format!("WHERE email = '{}@example.org' AND used_at IS NULL", name("other"));
            let changed = change.split(" = ").next().expect("a column");
            app.database.db_execute(&format!("UPDATE proofs SET {change} {row}"));
            purpose.assert_useless(&app, &other, &change).await;
            let row = if changed == "email" { "WHERE email = 'root@example.org'".to_owned() } else { row };
            app.database.db_execute(&format!("UPDATE proofs SET {back} {row}"));
        }

        app.advance(purpose.lifetime() + TimeDelta::seconds(1));
        purpose.assert_useless(&app, &expired, "expired").await;
        let root = "SELECT email_verified_at AS value FROM users WHERE email = 'root@example.org' AND email_verified_at IS NOT NULL";
        assert!(app.database.db_texts(root).is_empty());
    }
}

#[actix_web::test]
async fn a_change_of_the_password_or_another_owner_of_the_address_makes_a_link_useless() {
    let (app, root) = start().await;
    for purpose in ALL {
        let name = format!("changed-{}", purpose.page());
        let link = purpose.request(&app, &root, &name).await;
        if let Some(user) = link.user {
            let body = json!({"current_password": PASSWORD, "new_password": "another horse battery staple"});
            let call = app.post("/auth/password").cookie(&user.refresh_token).json(&body);
            call.send().await.assert_status(200);
            purpose.assert_useless(&app, &link.token, "after a new password").await;
        } else {
            // The link proves the mailbox, so its reader may learn that.
            app.another_with(&[]).await.expect("a server").register(&name).await;
            purpose.follow(&app, &link.token).await.assert_problem(409, "email_taken");
        }
    }
}

/// Neither program nor person consumes a link by looking at it.
#[actix_web::test]
async fn looking_at_a_link_uses_nothing_up() {
    let (app, root) = start().await;
    for purpose in ALL {
        let link = purpose.request(&app, &root, purpose.page()).await;
        for _ in 0..3 {
            let shown = app.post("/auth/proofs/inspect").json(&json!({"token": link.token})).send().await;
            let shown = shown.assert_status(200).json();
            assert_eq!(shown["purpose"], purpose.page());
        }
        let status = purpose.follow(&app, &link.token).await.status;
        assert!([200, 201, 204].contains(&status), "{purpose:?}: {status}");
    }
}
