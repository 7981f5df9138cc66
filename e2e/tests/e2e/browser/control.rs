//! Lets a scenario, which runs in another process, control the proxy and the servers' clock.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;

use test_support::fault_proxy::{Fate, Fault, Faults, Listener, Request};

/// Listens until it is dropped.
///
/// | call | does |
/// |---|---|
/// | `POST /lose-responses?path=&count=` | the server executes these requests, and their responses are lost |
/// | `POST /refuse?path=` | 503, until `POST /allow?path=` |
/// | `POST /hold?path=` | responses are held, until `POST /release?path=` |
/// | `POST /advance?seconds=` | advances the clock of both servers, and returns its milliseconds since 1970 |
/// | `POST /stop` | stops the auth server, until `POST /start`: sets `is_stopped`, which the owner of the server reads |
/// | `GET /log` | all requests so far |
pub fn listen(faults: Faults, clock: ManualClock, is_stopped: Arc<AtomicBool>) -> Listener {
    Listener::start(move |mut stream| {
        // The scenario may have closed the connection.
        let _ = serve(&mut stream, &faults, &clock, &is_stopped);
    })
}

fn serve(
    stream: &mut TcpStream,
    faults: &Faults,
    clock: &ManualClock,
    is_stopped: &AtomicBool,
) -> std::io::Result<()> {
    let Some(request) = Request::read(&mut BufReader::new(&*stream))? else {
        return Ok(());
    };
    let (status, body) = match execute(&request, faults, clock, is_stopped) {
        Some(response) => ("200 OK", response.to_string()),
        None => ("400 Bad Request", "null".to_owned()),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn execute(
    request: &Request,
    faults: &Faults,
    clock: &ManualClock,
    is_stopped: &AtomicBool,
) -> Option<Value> {
    let argument = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(request.query.as_bytes());
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/lose-responses") => {
            faults.set(Fault::LoseResponse, &argument("path")?, Some(argument("count")?.parse().ok()?));
        }
        ("POST", "/refuse") => faults.set(Fault::Reject, &argument("path")?, None),
        ("POST", "/allow") => faults.lift(Fault::Reject, &argument("path")?),
        ("POST", "/hold") => faults.set(Fault::Hold, &argument("path")?, None),
        ("POST", "/release") => faults.lift(Fault::Hold, &argument("path")?),
        ("POST", "/advance") => {
            clock.advance(TimeDelta::try_seconds(argument("seconds")?.parse().ok()?)?);
            return Some(json!(shared_claims::Clock::now(clock).timestamp_millis()));
        }
        ("POST", "/stop") => is_stopped.store(true, Ordering::SeqCst),
        ("POST", "/start") => is_stopped.store(false, Ordering::SeqCst),
        ("GET", "/log") => return Some(log(faults)),
        _ => return None,
    }
    Some(Value::Null)
}

fn log(faults: &Faults) -> Value {
    let entries = faults.log().into_iter().map(|one| {
        let fate = match one.fate {
            Fate::Passed => "passed",
            Fate::Lost => "lost",
            Fate::Rejected => "refused",
        };
        json!({"method": one.method, "path": one.path, "status": one.status, "fate": fate})
    });
    entries.collect()
}
