//! A server that writes its mails to a folder, and the links and codes in them.

use std::fs;
use std::ops::Deref;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_support::evidence;

use crate::app::TestApp;

/// How long tests wait for a mail. Generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct MailApp {
    pub app: TestApp,
    folder: TempDir,
}

/// A mail that was sent.
#[derive(Clone, Debug)]
pub struct Mail {
    pub text: String,
}

impl MailApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With other flags. Addresses are not verified and notices not sent, unless the flags say so.
    pub async fn with(flags: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().display().to_string();
        let mail =
            ["--mail-transport", "file", "--mail-dir", &path, "--mail-from", "Test <test@example.org>"];
        let default = |name: &'static str, value: &'static str| {
            if flags.contains(&name) { Vec::new() } else { vec![name, value] }
        };
        let verification = default("--email-verification", "off");
        let notices = default("--mail-notices", "none");
        let rate = default("--mail-rate-per-ip", "1000");
        let app = TestApp::with(&[&mail[..], &verification, &notices, &rate, flags].concat()).await;
        Self { app, folder }
    }

    /// All mails so far to this address.
    pub fn mails(&self, to: &str) -> Vec<Mail> {
        let files = fs::read_dir(self.folder.path()).expect("the folder").flatten();
        // Until a mail is complete, its name begins with a dot.
        let complete = files.filter(|file| !file.file_name().as_encoded_bytes().starts_with(b"."));
        let texts =
            complete.map(|file| file.path()).map(|path| unfolded(&fs::read_to_string(path).expect("a mail")));
        texts.filter(|text| text.contains(&format!("To: {to}"))).map(|text| Mail { text }).collect()
    }

    /// Waits for the first mail to this address.
    pub async fn mail(&self, to: &str) -> Mail {
        let started = Instant::now();
        loop {
            if let Some(mail) = self.mails(to).first() {
                return mail.clone();
            }
            assert!(started.elapsed() < PATIENCE, "no mail to {to}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for a mail to this address with a link to this page. Returns the token and the code.
    pub async fn link(&self, to: &str, page: &str) -> (String, Option<String>) {
        let is_it = |mail: &Mail| mail.text.contains(&link_start(page));
        let started = Instant::now();
        loop {
            if let Some(mail) = self.mails(to).into_iter().find(is_it) {
                return (mail.token(page), mail.code());
            }
            assert!(started.elapsed() < PATIENCE, "no link to {page} for {to}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until no mail waits to be sent.
    pub async fn settle(&self) {
        let waiting = "SELECT id AS value FROM mails WHERE sent_at IS NULL AND failed_at IS NULL";
        let started = Instant::now();
        while !self.app.database.db_texts(waiting).is_empty() {
            assert!(started.elapsed() < PATIENCE, "mails wait");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Deref for MailApp {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl Mail {
    /// The token of the link to this page.
    pub fn token(&self, page: &str) -> String {
        let start = link_start(page);
        let (_, rest) = self.text.split_once(&start).unwrap_or_else(|| panic!("no link: {}", self.text));
        let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let token: String = rest.chars().take_while(|c| is_token(*c)).collect();
        evidence::secret(&token);
        token
    }

    pub fn code(&self) -> Option<String> {
        let is_code = |line: &&str| line.len() == 8 && line.bytes().all(|byte| byte.is_ascii_digit());
        self.text.lines().map(str::trim).find(is_code).map(str::to_owned)
    }
}

/// Without the soft line breaks of quoted-printable.
fn unfolded(text: &str) -> String {
    text.replace("=\r\n", "").replace("=\n", "")
}

/// What precedes the token in a link.
fn link_start(page: &str) -> String {
    format!("/{}#", if page == "invite" { "invitation" } else { page })
}
