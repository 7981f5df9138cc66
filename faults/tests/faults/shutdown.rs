//! SIGTERM stops a server before `docker stop` kills it, after 10 s.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use actix_web::rt;
use rustix::process::{Pid, Signal, kill_process};
use test_support::{COOKIE_NAME, Program};

use crate::servers::{Deployment, on_postgres, register, start_api};

const FEED_TOKEN: &str = "feed-token-of-the-tests-0123456789abcdef";
/// What `docker stop` waits, less what a busy machine needs.
const WITH_SLOW_CLIENTS: Duration = Duration::from_millis(9_500);
const WITH_LONG_POLLS: Duration = Duration::from_secs(4);

/// Requests that never end.
const SLOW: [&str; 4] = [
    "",
    "GET /healthz HTTP/1.1\r\nX-Slow: ",
    "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{",
    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
];

/// Sends SIGTERM and returns the time until the process has ended.
async fn terminate(server: &Program) -> Duration {
    let started = Instant::now();
    let id = Pid::from_raw(server.id().try_into().expect("a process id")).expect("not zero");
    kill_process(id, Signal::TERM).expect("a signal");
    loop {
        let status = fs::read_to_string(format!("/proc/{}/stat", server.id())).expect("not waited for");
        if status.rsplit(") ").next().is_some_and(|state| state.starts_with('Z')) {
            return started.elapsed();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "it does not stop");
        rt::time::sleep(Duration::from_millis(20)).await;
    }
}

fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("a request");
    stream
}

#[actix_web::test]
async fn long_polls_end_when_the_server_stops() {
    let deployment = Deployment::new();
    let server = deployment.start_with(&[("REVOCATION_FEED_TOKEN", FEED_TOKEN)]).await;
    let poll = |query: &str| server.get(&format!("/revocations{query}")).bearer(FEED_TOKEN);
    let cursor = poll("").send().await.assert_status(200).json()["cursor"].as_str().expect("text").to_owned();
    let request = format!(
        "GET /revocations?after={cursor}&wait=30 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {FEED_TOKEN}\r\n\r\n"
    );
    let polls: Vec<_> = (0..3).map(|_| send(server.address, &request)).collect();
    let root = register(&server, "root").await.refresh_cookie().expect("a cookie");
    deployment.database.db_execute(r#"UPDATE users SET roles = '["admin"]'"#);
    let events = server.get("/admin/events").cookie(&root).send().await.assert_status(200).json();
    let received = events["cursor"].as_str().expect("text");
    let request = format!(
        "GET /admin/events?after={received}&wait=25 HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE_NAME}={root}\r\n\r\n"
    );
    let mut waiting = send(server.address, &request);
    rt::time::sleep(Duration::from_millis(500)).await;
    let took = terminate(&server).await;
    println!("stopped after {took:.1?} with long polls");
    let mut response = String::new();
    waiting.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 200 OK") && response.contains(r#""items":[]"#), "{response}");
    assert!(took < WITH_LONG_POLLS, "{took:?}");
    for mut poll in polls {
        let mut response = String::new();
        poll.read_to_string(&mut response).expect("a response");
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
        assert!(response.contains("connection: close") && response.contains(&cursor), "{response}");
    }
}

#[actix_web::test]
async fn slow_clients_delay_the_end_of_a_server_by_less_than_ten_seconds() {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let auth = deployment.start().await;
    let api = start_api("http://127.0.0.1:9").await;
    let slow: Vec<_> = [auth.address, api.address]
        .into_iter()
        .flat_map(|address| SLOW.map(|request| send(address, request)))
        .collect();
    rt::time::sleep(Duration::from_millis(200)).await;
    let (auth, api) = futures_util::future::join(terminate(&auth), terminate(&api)).await;
    println!("stopped after {auth:.1?} and {api:.1?} with slow clients");
    assert!(auth < WITH_SLOW_CLIENTS && api < WITH_SLOW_CLIENTS, "{auth:?} {api:?}");
    drop(slow);
}
