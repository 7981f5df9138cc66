//! aiosmtpd: a mail server that others wrote, with every kind of encryption.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

use crate::SmtpTls;

/// How long tests wait for mails. Generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Killed when dropped.
pub struct Aiosmtpd {
    /// Certificate of the authority that issued the server's, in PEM.
    pub authority: String,
    ports: Value,
    received: Arc<Mutex<Vec<Value>>>,
    process: Child,
}

impl Aiosmtpd {
    /// Installs it from `PyPI` in `folder` if it is missing. Connections that are encrypted require this login.
    pub fn start(folder: &Path, user: &str, password: &str) -> Self {
        let environment = folder.join("aiosmtpd");
        install(&environment);
        let certificates = TempDir::new().expect("a folder");
        let (authority, certificate, key) = certificate_for_localhost();
        let [certificate_file, key_file] =
            ["certificate.pem", "key.pem"].map(|name| certificates.path().join(name));
        fs::write(&certificate_file, certificate).expect("a file");
        fs::write(&key_file, key).expect("a file");
        let mut process = Command::new(environment.join("bin/python"))
            .arg(file("aiosmtpd/server.py"))
            .args([certificate_file, key_file])
            .args([user, password])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        // It has read the files when it prints the ports.
        let ports = json(&lines.next().expect("the ports").expect("text"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let arriving = Arc::clone(&received);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                arriving.lock().expect("the mails").push(json(&line));
            }
        });
        Self { authority, ports, received, process }
    }

    pub fn port(&self, tls: SmtpTls) -> u16 {
        let name = match tls {
            SmtpTls::None => "none",
            SmtpTls::StartTls => "starttls",
            SmtpTls::Implicit => "tls",
        };
        self.ports[name].as_u64().and_then(|port| port.try_into().ok()).expect("a port")
    }

    pub fn received(&self) -> Vec<Value> {
        self.received.lock().expect("the mails").clone()
    }

    /// Waits until this many mails arrived. Each is an object, as server.py prints it.
    pub async fn wait_for(&self, count: usize) -> Vec<Value> {
        let started = Instant::now();
        while self.received().len() < count {
            assert!(started.elapsed() < PATIENCE, "{} of {count} mails", self.received().len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.received()
    }
}

impl Drop for Aiosmtpd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn install(environment: &Path) {
    let script = r#"source "$1" && python_environment "$2" "$3""#;
    let status = Command::new("bash")
        .args(["-c", script, "bash", &file("../scripts/python.sh")])
        .arg(environment)
        .arg(file("aiosmtpd/requirements.txt"))
        .status();
    assert!(status.expect("bash").success(), "aiosmtpd cannot be installed (see above)");
}

fn file(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The certificate of an authority, that of a server, and the server's key.
fn certificate_for_localhost() -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let server = server.signed_by(&key, &authority).expect("a certificate");
    (authority.pem(), server.pem(), key.serialize_pem())
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}
