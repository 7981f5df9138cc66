use std::fs;
use std::path::Path;

use tempfile::TempDir;
use test_support::{SmtpServer, SmtpTls};

use crate::app::TestApp;
use crate::mail::outbox::MailApp;

const KINDS: [&str; 17] = [
    "register",
    "already_registered",
    "verify",
    "reset",
    "change",
    "invite",
    "enrolment_code",
    "new_device",
    "password_changed",
    "password_reset",
    "email_change_requested",
    "email_changed",
    "session_stolen",
    "second_factor_changed",
    "second_factor_failed",
    "account_disabled",
    "account_deleted",
];

fn write(folder: &TempDir, name: &str, source: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, source).expect("a file");
}

fn flags(folder: &Path) -> Vec<String> {
    let (templates, mails) = (folder.join("templates"), folder.join("mail"));
    let flags = [
        ("--mail-transport", "file"),
        ("--mail-from", "Example <no-reply@example.org>"),
        ("--mail-dir", mails.to_str().expect("a path")),
        ("--mail-templates", templates.to_str().expect("a path")),
    ];
    flags.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

/// The error at the start with this template.
async fn error(name: &str, source: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    write(&folder, &format!("templates/{name}"), source);
    let flags = flags(folder.path());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let app = TestApp::start().await;
    let error = app.another_with(&flags).await.err().expect("a startup error");
    assert_eq!(error.lines().count(), 1, "{error}");
    error.replace(folder.path().to_str().expect("a path"), "FOLDER")
}

#[actix_web::test]
async fn a_template_replaces_the_built_in_one() {
    let server = SmtpServer::start(SmtpTls::StartTls);
    let folder = TempDir::new().expect("a folder");
    write(&folder, "templates/en/password_changed.subject.txt", "{{ service }}:\n password of {{ email }}\n");
    write(&folder, "templates/en/layout.txt", "Dear user\n{% block body %}{% endblock %}\nYours, Example\n");
    let templates = folder.path().join("templates");
    let app = MailApp::start(&server, &["--mail-templates", templates.to_str().expect("a path")]).await;
    app.db_enqueue("ann@example.org");
    let mail = &server.wait_for(1).await[0];
    for text in
        ["Subject: Example: password of ann@example.org", "Dear user", "was changed", "Yours, Example"]
    {
        assert!(mail.data.contains(text), "{text}: {}", mail.data);
    }
}

#[actix_web::test]
async fn a_language_of_ones_own_is_used_where_it_has_all_files_of_a_mail() {
    let server = SmtpServer::start(SmtpTls::StartTls);
    let folder = TempDir::new().expect("a folder");
    for (part, source) in [("subject.txt", "Mot de passe"), ("txt", "Bonjour"), ("html", "<p>Bonjour</p>")] {
        write(&folder, &format!("templates/fr/password_changed.{part}"), source);
    }
    write(&folder, "templates/fr/new_device.txt", "incomplet");
    let templates = folder.path().join("templates");
    let app = MailApp::start(&server, &["--mail-templates", templates.to_str().expect("a path")]).await;
    let life = chrono::TimeDelta::hours(1);
    for (kind, locale, subject) in [
        ("password_changed", "fr", "Mot de passe"),
        ("password_changed", "fr-ca", "Mot de passe"),
        ("new_device", "fr", "New login to your account at Example"),
        ("password_changed", "de-at", "Ihr Passwort bei Example wurde"),
        ("password_changed", "it", "Your password at Example was changed"),
    ] {
        let before = server.received().len();
        app.db_enqueue_kind(kind, "ann@example.org", locale, life);
        let mail = &server.wait_for(before + 1).await[before];
        assert!(mail.data.contains(&format!("Subject: {subject}")), "{kind} {locale}: {}", mail.data);
    }
}

#[actix_web::test]
async fn a_broken_template_stops_the_start_with_its_file_and_line() {
    let expected = "MAIL_TEMPLATES: FOLDER/templates/de/reset.html, line 2: ";
    for (source, reason) in [
        ("<p>\n{{ nmae }}", "undefined value"),
        ("<p>\n{% if %}", "syntax error"),
        (
            "<p>\n{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "engine ran out of fuel",
        ),
        ("<p>\n{% include \"another.html\" %}", "template not found"),
    ] {
        let error = error("de/reset.html", source).await;
        assert!(error.starts_with(expected) && error.contains(reason), "{error}");
    }
    // Part of others.
    let error = error("de/event.html", "<p>\n{{ nmae }}").await;
    let expected =
        "MAIL_TEMPLATES: FOLDER/templates/de/event.html, line 2: undefined value: `nmae` is undefined";
    assert_eq!(error, expected);
}

#[actix_web::test]
async fn a_misspelt_file_stops_the_start() {
    for (name, reason) in [
        ("en/rset.html", "MAIL_TEMPLATES: FOLDER/templates/en/rset.html is not the name of a template"),
        ("en/reset.htm", "MAIL_TEMPLATES: FOLDER/templates/en/reset.htm is not the name of a template"),
        (
            "english_us/reset.html",
            "MAIL_TEMPLATES: FOLDER/templates/english_us is not a language tag, such as `en` or `pt-BR`",
        ),
    ] {
        assert_eq!(error(name, "x").await, reason);
    }
}

/// Every kind in both languages, as `mail test` renders it, with its link and its code.
#[test]
fn every_mail_has_a_subject_a_text_and_html() {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir_all(folder.path().join("templates")).expect("a folder");
    for locale in ["en", "de"] {
        for kind in KINDS {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_auth-server"))
                .env_clear()
                .args(flags(folder.path()))
                .args(["mail", "test", "ann@example.org", "--kind", kind, "--locale", locale])
                .output()
                .expect("the program");
            assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let mails: Vec<String> = fs::read_dir(folder.path().join("mail"))
        .expect("the folder")
        .map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    assert_eq!(mails.len(), 2 * KINDS.len());
    for mail in mails {
        assert!(
            mail.contains("Content-Type: text/plain") && mail.contains("Content-Type: text/html"),
            "{mail}"
        );
        assert!(mail.contains("Subject: ") && !mail.contains("Subject: \r"), "{mail}");
        for remote in ["src=", "url(", "@import", "<link"] {
            assert!(!mail.contains(remote), "remote content: {mail}");
        }
    }
}
