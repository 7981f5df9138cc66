//! A proxy before a server that does what networks do: loses answers, refuses, is slow. What it has not been told to
//! spoil passes unchanged.

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

/// Listens until it is dropped. Its port is known before there is a server behind it.
pub struct FaultProxy {
    pub faults: Faults,
    listener: Listener,
    server: Arc<Server>,
}

/// Where the server is, once somebody has said so.
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
            // An error here is a connection that broke, which whoever waits for its answer notices.
            let _ = exchange(client, &shared_server, &shared_faults);
        });
        Self { faults, listener, server }
    }

    /// By the name that browsers take for the own machine, whose pages they trust with Secure cookies.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.listener.port())
    }

    /// From now on everything goes to the server at `http://HOST:PORT`. Until it is first called, requests wait.
    pub fn lead_to(&self, url: &str) {
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

/// One request and its answer, and no other on the same connection: a browser silently repeats a request whose answer
/// got lost on a connection that it has used before.
fn exchange(mut client: TcpStream, server: &Server, faults: &Faults) -> std::io::Result<()> {
    let Some(request) = Request::read(&mut BufReader::new(&client))? else {
        return Ok(());
    };
    let path = &request.path;
    if faults.take(Fault::Refuse, path) {
        faults.record(&request, 503, Fate::Refused);
        return client.write_all(&refusal());
    }

    let mut connection = server.connect()?;
    connection.write_all(&request.bytes)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;

    evidence::raw_exchange(&request.bytes, &answer);

    let lost = faults.take(Fault::LoseResponse, path);
    faults.record(&request, status(&answer), if lost { Fate::Lost } else { Fate::Passed });
    faults.wait_while_held(path);
    if lost { Ok(()) } else { client.write_all(&answer) }
}

/// The number in `HTTP/1.1 200 OK`; 0 where the server hung up.
fn status(answer: &[u8]) -> u16 {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let number = std::str::from_utf8(line).ok().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    number.unwrap_or_default()
}

/// What the servers themselves say when they cannot serve.
fn refusal() -> Vec<u8> {
    let response = Problem::new(Code::Unavailable).to_response();
    let mut answer = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n".to_vec();
    for (name, value) in response.headers() {
        answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body = response.into_body().try_into_bytes().expect("a body that is there");
    answer.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
    answer.extend(body);
    answer
}
