//! A mail server on loopback: plain, STARTTLS or TLS, with a login, and with the ways in which mail servers misbehave.

mod conversation;
mod wire;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// How long tests wait for mails. Generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    None,
    StartTls,
    Implicit,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    /// The connection is accepted, and nothing is ever sent.
    Silent,
    /// The greeting has this code.
    Greeting(u16),
    /// The sender is rejected with this code.
    Sender(u16),
    /// After this many mails on a connection, the sender is rejected with 421 and the connection closed.
    MailsPerConnection(usize),
    /// Nothing is ever sent after the sender was named.
    SilentAfterSender,
    /// The recipient is rejected with this code.
    Recipient(u16),
    /// The mail is received in full and rejected with this code.
    Data(u16),
    /// The mail is received in full, and nothing is ever sent.
    SilentAfterData,
    /// The mail is accepted, and the connection is closed without a response.
    CutAfterData,
    /// The mail is accepted after this time.
    Slow(Duration),
}

/// A mail that the server accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    pub from: String,
    pub to: String,
    /// Header and body.
    pub data: String,
    pub login: Option<(String, String)>,
    pub is_encrypted: bool,
}

pub struct SmtpServer {
    pub address: SocketAddr,
    /// The self-signed certificate, in PEM, for the name `localhost`.
    pub certificate: String,
    shared: Arc<Shared>,
}

struct Shared {
    tls: SmtpTls,
    tls_config: Arc<ServerConfig>,
    login: Option<(String, String)>,
    received: Mutex<Vec<ReceivedMail>>,
    /// By recipient; the empty one is for all connections.
    faults: Mutex<HashMap<String, SmtpFault>>,
    connections: AtomicUsize,
    is_stopped: AtomicBool,
}

impl SmtpServer {
    pub fn start(tls: SmtpTls) -> Self {
        Self::launch(tls, None)
    }

    pub fn with_login(tls: SmtpTls, user: &str, password: &str) -> Self {
        Self::launch(tls, Some((user.to_owned(), password.to_owned())))
    }

    fn launch(tls: SmtpTls, login: Option<(String, String)>) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls_config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            tls,
            tls_config: Arc::new(tls_config),
            login,
            received: Mutex::default(),
            faults: Mutex::default(),
            connections: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.is_stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                accepting.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&accepting);
                // A client that hangs up ends the conversation with an error.
                thread::spawn(move || drop(conversation::hold(&shared, stream)));
            }
        });
        Self { address, certificate: cert.pem(), shared }
    }

    /// From now on, all connections have this fault, or none.
    pub fn set_fault(&self, fault: Option<SmtpFault>) {
        self.set_fault_for("", fault);
    }

    /// From now on, mails to this recipient have this fault, or none.
    pub fn set_fault_for(&self, recipient: &str, fault: Option<SmtpFault>) {
        let mut faults = self.shared.faults.lock().expect("the faults");
        match fault {
            Some(fault) => drop(faults.insert(recipient.to_owned(), fault)),
            None => drop(faults.remove(recipient)),
        }
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    pub fn received(&self) -> Vec<ReceivedMail> {
        self.shared.received.lock().expect("the mails").clone()
    }

    /// Waits until this many mails were accepted.
    pub async fn wait_for(&self, count: usize) -> Vec<ReceivedMail> {
        let is_complete = self.receives(count, PATIENCE).await;
        let received = self.received();
        assert!(is_complete, "{} of {count} mails: {received:?}", received.len());
        received
    }

    /// Waits until this many mails were accepted. Returns `false` if that takes too long.
    pub async fn receives(&self, count: usize, patience: Duration) -> bool {
        let started = Instant::now();
        while self.received().len() < count {
            if started.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(std::net::TcpStream::connect(self.address));
    }
}

impl Shared {
    /// The fault of this recipient, or that of all connections.
    fn fault(&self, recipient: &str) -> Option<SmtpFault> {
        let faults = self.faults.lock().expect("the faults");
        faults.get(recipient).or_else(|| faults.get("")).copied()
    }

    /// Waits until the test ends.
    fn be_silent(&self) {
        while !self.is_stopped.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(50));
        }
    }
}
