use crate::app::TestApp;

/// The error at the start with these flags.
async fn error(flags: &[&str]) -> String {
    let app = TestApp::start().await;
    app.another_with(flags).await.err().expect("a startup error")
}

#[actix_web::test]
async fn incomplete_or_unsafe_settings_of_mail_stop_the_start() {
    let smtp = ["--mail-transport", "smtp", "--mail-from", "a@example.org"];
    let with = |more: &[&'static str]| [&smtp[..], &["--smtp-host", "mail.example.org"], more].concat();
    for (flags, start) in [
        (vec!["--mail-transport", "file"], "MAIL_FROM is not set"),
        (smtp.to_vec(), "SMTP_HOST is not set"),
        (with(&["--smtp-tls", "none"]), "SMTP_TLS=none is only for a mail server on this machine"),
        (with(&["--smtp-user", "auth"]), "SMTP_USER is set without SMTP_PASSWORD"),
        (with(&["--smtp-password", "secret"]), "SMTP_PASSWORD is set without SMTP_USER"),
        (with(&["--smtp-ca-file", "/nowhere"]), "SMTP_CA_FILE: cannot read /nowhere"),
        (with(&["--smtp-ca-file", "/etc/hostname"]), "SMTP_CA_FILE: /etc/hostname has no certificate"),
        (with(&["--mail-links", "https://app.example.org/#x"]), "MAIL_LINKS must have neither"),
        (with(&["--mail-links", "http://app.example.org/"]), "MAIL_LINKS is a plain http:// URL"),
        (with(&["--mail-locale", "fr"]), "MAIL_LOCALE=fr: there are only templates for de, en"),
        (with(&["--mail-templates", "/nowhere"]), "MAIL_TEMPLATES: cannot read /nowhere"),
        (
            vec!["--mail-transport", "file", "--mail-from", "a@b.example", "--mail-dir", "/proc/x"],
            "MAIL_DIR: cannot",
        ),
        (vec!["--mail-from", "nobody"], "--mail-from"),
        (vec!["--email-verification", "required"], "EMAIL_VERIFICATION requires mail"),
        (vec!["--email-verification", "optional"], "EMAIL_VERIFICATION requires mail"),
        (
            vec!["--mail-notices", "new_device,reset"],
            "`reset` is not a notice: give all, none, or a list of new_device, ",
        ),
        (vec!["--mail-notices", ""], "--mail-notices"),
    ] {
        let error = error(&flags).await;
        assert!(error.contains(start) && error.lines().count() == 1, "{flags:?}: {error}");
    }
}
