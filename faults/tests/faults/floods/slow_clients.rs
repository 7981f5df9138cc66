//! Clients that occupy a connection by being slow.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::servers::{Deployment, on_postgres, start_api};
use crate::traffic::{Traffic, User};

/// The pause between two bytes, short enough that no connection looks idle.
const DRIP: Duration = Duration::from_millis(200);
/// The limit for the time that a slow client occupies its connection, on a busy machine. The times are printed.
const PATIENCE: Duration = Duration::from_secs(45);

/// What a client sends first, and then repeatedly.
struct Slow {
    name: &'static str,
    opening: &'static str,
    byte: &'static [u8],
}

const SLOW: [Slow; 7] = [
    Slow { name: "says nothing", opening: "", byte: b"" },
    Slow { name: "head", opening: "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", byte: b"x" },
    Slow {
        name: "head of a second request",
        opening: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nX-Slow: ",
        byte: b"x",
    },
    Slow {
        name: "body",
        opening: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{",
        byte: b" ",
    },
    Slow {
        name: "body in chunks",
        opening: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        byte: b"1\r\n \r\n",
    },
    Slow {
        name: "unread body",
        opening: "POST /transfer HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n{",
        byte: b" ",
    },
    Slow {
        name: "unread chunks",
        opening: "POST /transfer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        byte: b"1\r\n \r\n",
    },
];

/// Its response is longer than those of other paths.
const REQUEST: &str = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";

#[actix_web::test]
async fn slow_clients_are_disconnected_while_others_are_served() {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let server = deployment.start().await;
    let api = start_api("http://127.0.0.1:9").await;
    let traffic = Traffic::start(deployment.address, vec![User::register(deployment.address, "ann").await]);

    let servers = [("auth-server", server.address), ("resource-server", api.address)];
    let (figures, served) = thread::scope(|scope| {
        let mut held = Vec::new();
        for (program, address) in servers {
            for slow in &SLOW {
                let name = format!("{program}, {}", slow.name);
                held.push((name, scope.spawn(move || held_by(address, slow))));
            }
            held.push((
                format!("{program}, never reads"),
                scope.spawn(move || held_by_client_that_never_reads(address)),
            ));
        }
        traffic.wait_for_more(20);
        let figures: Vec<_> =
            held.into_iter().map(|(name, held)| (name, held.join().expect("a slow client"))).collect();
        (figures, traffic.acknowledged())
    });
    let record = traffic.finish();
    assert_eq!(record.unavailable, 0);

    println!(
        "{served} refreshes meanwhile, the longest {:?}; slow clients occupied their connection for",
        record.longest
    );
    for (name, held) in &figures {
        println!("  {name}: {}", held.map_or("the whole test".to_owned(), |held| format!("{held:.1?}")));
    }
    assert!(figures.iter().all(|(_, held)| held.is_some()), "a client was not disconnected");
}

#[ignore = "long: keeps a core busy for each server until the connection is closed"]
#[actix_web::test]
async fn a_client_that_sends_and_never_reads_is_disconnected() {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let server = deployment.start().await;
    let api = start_api("http://127.0.0.1:9").await;
    for address in [server.address, api.address] {
        assert!(held_by_flood(address).is_some());
    }
}

/// `None` if the client was not disconnected in time.
fn held_by(address: SocketAddr, slow: &Slow) -> Option<Duration> {
    let connected = Instant::now();
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.set_read_timeout(Some(DRIP)).expect("a time-out");
    connection.write_all(slow.opening.as_bytes()).expect("the opening");
    let mut response = [0; 4096];
    while connected.elapsed() < PATIENCE {
        match connection.read(&mut response) {
            Ok(0) => return Some(connected.elapsed()),
            // A proxy would pass on a response as that to its next request.
            Ok(_) => assert!(!slow.opening.is_empty(), "a response without a request"),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if connection.write_all(slow.byte).is_err() {
                    return Some(connected.elapsed());
                }
            }
            Err(_) => return Some(connected.elapsed()),
        }
    }
    None
}

/// Sends a thousand requests without reading a response, so that all buffers on the way fill up, and then one at a time.
fn held_by_client_that_never_reads(address: SocketAddr) -> Option<Duration> {
    let connected = Instant::now();
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.set_nonblocking(true).expect("a socket");
    let mut requests = REQUEST.repeat(1_000);
    while connected.elapsed() < PATIENCE {
        match connection.write(requests.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Some(connected.elapsed()),
            _ => {}
        }
        REQUEST.clone_into(&mut requests);
        thread::sleep(DRIP);
    }
    None
}

/// Sends requests as fast as the server accepts them, without reading a response.
fn held_by_flood(address: SocketAddr) -> Option<Duration> {
    let connected = Instant::now();
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.set_nonblocking(true).expect("a socket");
    let requests = REQUEST.repeat(100);
    while connected.elapsed() < PATIENCE {
        match connection.write(requests.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(DRIP),
            Err(_) => return Some(connected.elapsed()),
        }
    }
    None
}
