//! A proxy in front of a server that behaves like a faulty network: it loses responses, rejects requests and delays. It
//! passes everything else on unchanged.

mod faults;
mod listener;
mod request;

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};

use actix_web::body::MessageBody as _;
use shared_claims::{Code, Problem};

use crate::evidence;

pub use faults::{Fate, Fault, Faults};
pub use listener::Listener;
pub use request::Request;

/// Listens until it is dropped. Its port is known before the server's.
pub struct FaultProxy {
    pub faults: Faults,
    listener: Listener,
    server: Arc<Server>,
}

/// The server's address, once it is set.
#[derive(Default)]
struct Server {
    address: Mutex<Option<String>>,
    known: Condvar,
}

impl FaultProxy {
    pub fn start() -> Self {
        let faults = Faults::default();
        let server = Arc::new(Server::default());
        let (shared_faults, shared_server) = (faults.clone(), Arc::clone(&server));
        let listener = Listener::start(move |client| {
            // An error means that the connection broke, which the client notices.
            let _ = exchange(client, &shared_server, &shared_faults);
        });
        Self { faults, listener, server }
    }

    /// With the host name localhost, for which browsers accept Secure cookies over plain HTTP.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.listener.port())
    }

    /// Forwards all requests to the server at `http://HOST:PORT`. Requests wait until the first call of this method.
    pub fn forward_to(&self, url: &str) {
        let address = url.strip_prefix("http://").expect("a plain HTTP address");
        *self.server.address.lock().expect("a server") = Some(address.to_owned());
        self.server.known.notify_all();
    }
}

impl Server {
    fn connect(&self) -> std::io::Result<TcpStream> {
        let address = self.address.lock().expect("a server");
        let address = self.known.wait_while(address, |address| address.is_none()).expect("a server").clone();
        TcpStream::connect(address.unwrap_or_default())
    }
}

/// One request and its response, and no other on the same connection: a browser silently repeats a request if a reused
/// connection closes without a response.
fn exchange(mut client: TcpStream, server: &Server, faults: &Faults) -> std::io::Result<()> {
    let Some(request) = Request::read(&mut BufReader::new(&client))? else {
        return Ok(());
    };
    let path = &request.path;
    if faults.take(Fault::Reject, path) {
        faults.record(&request, 503, Fate::Rejected);
        return client.write_all(&unavailable());
    }

    let mut connection = server.connect()?;
    connection.write_all(&request.bytes)?;
    let mut response = Vec::new();
    connection.read_to_end(&mut response)?;

    evidence::raw_exchange(&request.bytes, &response);

    let lost = faults.take(Fault::LoseResponse, path);
    faults.record(&request, status(&response), if lost { Fate::Lost } else { Fate::Passed });
    faults.wait_while_held(path);
    if lost { Ok(()) } else { client.write_all(&response) }
}

/// The number in `HTTP/1.1 200 OK`; 0 if the server closed the connection.
fn status(response: &[u8]) -> u16 {
    let line = response.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let number = std::str::from_utf8(line).ok().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    number.unwrap_or_default()
}

/// The response that the servers send when they are unavailable.
fn unavailable() -> Vec<u8> {
    let problem = Problem::new(Code::Unavailable).to_response();
    let mut response = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n".to_vec();
    for (name, value) in problem.headers() {
        response.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body = problem.into_body().try_into_bytes().expect("a body");
    response.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
    response.extend(body);
    response
}
