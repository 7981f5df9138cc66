use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::rt::time::{sleep, timeout};
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{GET, Pair, TlsServer, client};

const HSTS: &str = "strict-transport-security: max-age=31536000\r\n";
/// More than the handshake timeout, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[actix_web::test]
async fn every_response_tells_browsers_to_use_https_only() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let response = server.send(&pair, GET).await.expect("a response");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.contains(HSTS), "{response}");
    assert!(response.ends_with("\r\n\r\nHello"), "{response}");
    let missing = server.send(&pair, &GET.replace("GET /", "GET /missing")).await.expect("a response");
    assert!(missing.starts_with("HTTP/1.1 404") && missing.contains(HSTS), "{missing}");
    // actix responds by itself, and closes the connection without the end of TLS.
    let mut stream = server.connect(&client(&pair, rustls::DEFAULT_VERSIONS)).await.expect("a connection");
    stream.write_all(b"GET /\x01 HTTP/1.1\r\n\r\n").await.expect("sent");
    let mut malformed = Vec::new();
    let _ = stream.read_to_end(&mut malformed).await;
    let malformed = String::from_utf8_lossy(&malformed);
    assert!(malformed.starts_with("HTTP/1.1 400") && malformed.contains(HSTS), "{malformed}");
}

#[actix_web::test]
async fn a_development_server_does_not_force_https_on_all_of_localhost() {
    let (pair, folder) = (Pair::new(), TempDir::new().expect("a folder"));
    pair.write(folder.path());
    let server = TlsServer::start_in(folder, "https://localhost:8443");
    let response = server.send(&pair, GET).await.expect("a response");
    assert!(response.starts_with("HTTP/1.1 200") && !response.contains("strict-transport"), "{response}");
}

#[actix_web::test]
async fn clients_with_tls_1_2_and_1_3_are_served() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut client = client(&pair, &[version]);
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut stream = server.connect(&client).await.expect("a connection");
        let connection = stream.get_ref().1;
        assert_eq!(connection.protocol_version(), Some(expected));
        assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream.write_all(GET.as_bytes()).await.expect("sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("a response, and an end that no attacker made");
        assert!(response.ends_with("Hello"), "{response}");
    }
}

#[actix_web::test]
async fn a_large_response_arrives_complete() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let response = server.send(&pair, &GET.replace("GET /", "GET /large")).await.expect("a response");
    assert_eq!(response.split_once("\r\n\r\n").map(|(_, body)| body.len()), Some(5_000_000));
}

#[actix_web::test]
async fn plain_http_is_rejected_without_harm() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(GET.as_bytes()).await.expect("sent");
    let mut response = Vec::new();
    // The connection may be reset because the server has not read everything.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut response)).await.expect("the end");
    assert!(!response.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&response));
    assert!(server.serves(&pair).await);
}

#[actix_web::test]
async fn stalled_handshakes_are_closed_and_delay_no_others() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut stalled = Vec::new();
    for number in 0..100 {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        // Half of them say nothing, the others begin a handshake.
        if number % 2 == 0 {
            stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.expect("sent");
        }
        stalled.push(stream);
    }
    let started = Instant::now();
    for _ in 0..10 {
        assert!(server.serves(&pair).await);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    for mut stream in stalled {
        let left = PATIENCE.saturating_sub(started.elapsed());
        let read = timeout(left, stream.read(&mut [0; 1])).await.expect("the end of the connection");
        assert!(!matches!(read, Ok(1..)), "{read:?}");
    }
    assert!(started.elapsed() > Duration::from_secs(5), "too early: {:?}", started.elapsed());
}

#[actix_web::test]
async fn a_client_that_hung_up_is_noticed_behind_its_tls_alert() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    for (count, version) in [&TLS12, &TLS13].into_iter().enumerate() {
        let mut stream = server.connect(&client(&pair, &[version])).await.expect("a connection");
        stream.write_all(GET.replace("GET /", "GET /hung-up").as_bytes()).await.expect("sent");
        sleep(Duration::from_millis(100)).await;
        assert_eq!(server.hung_up.load(Ordering::Relaxed), count);
        stream.shutdown().await.expect("an alert and the end");
        drop(stream);
        sleep(Duration::from_millis(700)).await;
        assert_eq!(server.hung_up.load(Ordering::Relaxed), count + 1, "{version:?}");
    }
}

#[actix_web::test]
async fn a_request_in_progress_can_finish_when_the_server_stops() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let handle = server.handle.clone();
    let stop = actix_web::rt::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        handle.stop(true).await;
    });
    let response = server.send(&pair, &GET.replace("GET /", "GET /slow")).await.expect("a response");
    assert!(response.ends_with("late"), "{response}");
    timeout(PATIENCE, stop).await.expect("in time").expect("stopped");
}
