use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use actix_web::rt;
use tempfile::TempDir;

/// How long a proxy may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Nginx, Self::Caddy];
}

/// The addresses of the proxy and of the servers behind it.
pub struct Addresses {
    pub proxy: SocketAddr,
    /// `HOST:PORT` of each.
    pub auth: String,
    pub api: String,
    pub app: String,
}

/// A process with a configuration of `deploy/`: only addresses, paths and the certificate differ. Killed when dropped.
pub struct Proxy {
    process: Child,
    folder: TempDir,
}

impl Proxy {
    /// `edits`: texts in the configuration, and what replaces them.
    pub async fn start(kind: Kind, addresses: &Addresses, edits: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let members = folder.path().join("srv/members");
        fs::create_dir_all(&members).expect("a folder");
        fs::write(members.join("index.html"), "for members").expect("a page");
        let mut command = match kind {
            Kind::Nginx => nginx(addresses, folder.path(), edits),
            Kind::Caddy => caddy(addresses, folder.path(), edits),
        };
        let log = File::create(folder.path().join("log")).expect("a log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("{kind:?} did not start ({error}): run scripts/test.sh --setup-only")
        });
        let mut proxy = Self { process, folder };
        for _ in 0..PATIENCE.as_millis() / 20 {
            if TcpStream::connect(addresses.proxy).is_ok() {
                return proxy;
            }
            let ended = proxy.process.try_wait().expect("a process");
            assert!(ended.is_none(), "{kind:?} exited: {}", proxy.log());
            rt::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{kind:?} does not listen: {}", proxy.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Printed if a test fails.
        eprintln!("{}", self.log());
    }
}

fn nginx(addresses: &Addresses, folder: &Path, edits: &[(&str, &str)]) -> Command {
    let text = read("nginx/latchkey.conf");
    let text: Vec<_> = text.lines().filter(|line| !line.trim().starts_with("ssl_certificate")).collect();
    let text = with_addresses(&replaced(&text.join("\n"), edits), addresses, folder);
    let text = replaced(&text, &[("listen 443 ssl;", &format!("listen {};", addresses.proxy))]);
    let latchkey = folder.join("latchkey");
    fs::create_dir(&latchkey).expect("a folder");
    fs::write(latchkey.join("protected.conf"), read("nginx/latchkey/protected.conf")).expect("a file");
    fs::write(folder.join("latchkey.conf"), text).expect("a file");
    // A single process: killing it is enough, and it needs no other user.
    let main = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr warn;\n\
         events {{ }}\n\
         http {{\n  access_log off;\n  include /etc/nginx/mime.types;\n  {temporary}\n  include {folder}/latchkey.conf;\n}}\n",
        folder = folder.display(),
        temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {}/{name};", folder.display()))
            .join(" "),
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, main).expect("a file");
    let mut command = Command::new(program("nginx"));
    command.arg("-c").arg(path).arg("-p").arg(folder).args(["-e", "stderr"]);
    command
}

fn caddy(addresses: &Addresses, folder: &Path, edits: &[(&str, &str)]) -> Command {
    let text = with_addresses(&replaced(&read("caddy/Caddyfile"), edits), addresses, folder);
    let port = addresses.proxy.port();
    let site = format!("http://127.0.0.1:{port}, http://localhost:{port} {{\n\tbind 127.0.0.1");
    let text = replaced(&text, &[("example.org {", &site), ("\tservers {", "\tadmin off\n\tservers {")]);
    let path = folder.join("Caddyfile");
    fs::write(&path, text).expect("a file");
    let mut command = Command::new(program("caddy"));
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(path);
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(variable, folder);
    }
    command
}

fn read(file: &str) -> String {
    let path = deploy().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").join("deploy")
}

/// Replaces what both configurations contain.
fn with_addresses(text: &str, addresses: &Addresses, folder: &Path) -> String {
    let srv = folder.join("srv").display().to_string();
    let nginx_or_caddy =
        if text.contains("root /srv;") { ("root /srv;", ";") } else { ("root * /srv\n", "\n") };
    let root =
        nginx_or_caddy.0.replace(&format!("/srv{}", nginx_or_caddy.1), &format!("{srv}{}", nginx_or_caddy.1));
    let pairs = [
        ("127.0.0.1:8080", addresses.auth.as_str()),
        ("127.0.0.1:8081", &addresses.api),
        ("127.0.0.1:3000", &addresses.app),
        (nginx_or_caddy.0, &root),
    ];
    replaced(text, &pairs)
}

/// Replaces all occurrences of each old text. Fails if there is none, since the file has changed then.
fn replaced(text: &str, pairs: &[(&str, &str)]) -> String {
    for (old, _) in pairs {
        assert!(text.contains(old), "{old} is not in the configuration");
    }
    replaced_in_part(text, pairs)
}

/// Does not search the new texts: an address with port 30008 contains one with port 3000.
fn replaced_in_part(part: &str, pairs: &[(&str, &str)]) -> String {
    let [(old, new), others @ ..] = pairs else { return part.to_owned() };
    part.split(old).map(|part| replaced_in_part(part, others)).collect::<Vec<_>>().join(new)
}

/// On PATH, or in the folder of Debian's system programs.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} was not found: run scripts/test.sh --setup-only"))
}
