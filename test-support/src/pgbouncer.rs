//! A `PgBouncer` that pools by transaction.

use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use actix_web::http::Uri;
use tempfile::TempDir;

use crate::free_address;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Fewer than the connections of a server, so that they share.
const SERVER_CONNECTIONS: usize = 3;
/// Every character that is special in a URL.
const PASSWORD: &str = "p@ss/w?r#d%:&=";
const ENCODED_PASSWORD: &str = "p%40ss%2Fw%3Fr%23d%25%3A%26%3D";

/// Killed when dropped.
pub struct PgBouncer {
    process: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl PgBouncer {
    /// `session`: SQL for each new connection to the server. `settings`: more lines of the configuration.
    pub fn start(server: &str, session: &str, settings: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        // As another user, it creates its socket here.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("permissions");
        let address = free_address();
        let configuration = folder.path().join("pgbouncer.ini");
        fs::write(&configuration, text(server, session, settings, address, folder.path())).expect("a file");
        fs::write(folder.path().join("users"), format!("\"latchkey\" \"{PASSWORD}\"\n")).expect("a file");

        let log = File::create(folder.path().join("log")).expect("a log");
        // Debian installs it outside the PATH of users.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("/usr/bin/env");
        command.arg("pgbouncer").arg(&configuration).env("PATH", path);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let process = command.spawn().expect("a process");
        let mut pooler = Self { process, folder, address };
        for _ in 0..PATIENCE.as_millis() / 10 {
            if TcpStream::connect(address).is_ok() {
                return pooler;
            }
            let ended = pooler.process.try_wait().expect("a process");
            assert!(ended.is_none(), "exited (scripts/test.sh --setup-only installs it): {}", pooler.log());
            sleep(Duration::from_millis(10));
        }
        panic!("pgbouncer does not listen: {}", pooler.log());
    }

    pub fn url(&self) -> String {
        format!("postgres://latchkey:{ENCODED_PASSWORD}@{}/test", self.address)
    }

    /// Its Unix socket.
    pub fn socket_url(&self) -> String {
        let (folder, port) = (self.folder.path().display(), self.address.port());
        format!("postgres://latchkey:{ENCODED_PASSWORD}@/test?host={folder}&port={port}")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(server: &str, session: &str, settings: &str, address: SocketAddr, folder: &Path) -> String {
    let server: Uri = server.parse().expect("a URL");
    let host = server.host().expect("a host");
    let (port, name) = (server.port_u16().unwrap_or(5432), server.path().trim_start_matches('/'));
    let authority = server.authority().expect("an authority").as_str();
    let (user, password) = match authority.split_once('@').expect("a user").0.split_once(':') {
        Some((user, password)) => (user, format!("password={password}")),
        None => (authority.split_once('@').expect("a user").0, String::new()),
    };
    // It refuses to run as root.
    let is_root = fs::metadata(folder).expect("a folder").uid() == 0;
    let runs_as = if is_root { "user = nobody" } else { "" };
    let (port_here, folder) = (address.port(), folder.display());
    format!(
        "[databases]\n\
         test = host={host} port={port} dbname={name} user={user} {password} connect_query='{}'\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port_here}\n\
         unix_socket_dir = {folder}\n\
         auth_type = plain\n\
         auth_file = {folder}/users\n\
         pool_mode = transaction\n\
         default_pool_size = {SERVER_CONNECTIONS}\n\
         {runs_as}\n\
         {settings}\n",
        session.replace('\'', "''")
    )
}
