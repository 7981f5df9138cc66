//! HTTP/2, which clients choose by ALPN.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use actix_web::rt;
use actix_web::rt::time::{sleep, timeout};
use actix_web::web::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::server::{GET, Pair, TlsServer, client};

const PATIENCE: Duration = Duration::from_secs(30);
/// The type of a frame.
const GO_AWAY: u8 = 7;

fn h2_client(pair: &Pair) -> ClientConfig {
    let mut client = client(pair, rustls::DEFAULT_VERSIONS);
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    client
}

async fn connect(server: &TlsServer, pair: &Pair) -> SendRequest<Bytes> {
    let stream = server.connect(&h2_client(pair)).await.expect("a connection");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    rt::spawn(connection);
    sender.ready().await.expect("a connection")
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("https://localhost{path}")).body(()).expect("a request")
}

async fn send(
    sender: &mut SendRequest<Bytes>,
    request: Request<()>,
) -> Result<Response<RecvStream>, h2::Error> {
    sender.send_request(request, true)?.0.await
}

async fn body(response: Response<RecvStream>) -> Vec<u8> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.expect("a part of the body");
        body.flow_control().release_capacity(chunk.len()).expect("room");
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

#[actix_web::test]
async fn requests_are_served_as_by_http_1() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut sender = connect(&server, &pair).await;
    let response = send(&mut sender, get("/")).await.expect("a response");
    assert_eq!(response.status(), 200);
    let header = |headers: &HeaderMap, name: &str| {
        headers.get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
    };
    let headers = response.headers().clone();
    assert_eq!(header(&headers, "strict-transport-security"), "max-age=31536000");
    assert_eq!(header(&headers, "content-length"), "5");
    assert!(header(&headers, "date").ends_with(" GMT") && headers.contains_key("x-request-id"));
    assert_eq!(body(response).await, b"Hello");
    let large = send(&mut sender, get("/large")).await.expect("a response");
    assert_eq!(body(large).await.len(), 5_000_000);

    let mut request = get("/echo?a=b");
    for cookie in ["a=1", "b=2"] {
        request.headers_mut().append("cookie", cookie.parse().expect("a value"));
    }
    let echoed = send(&mut sender, request).await.expect("a response");
    assert_eq!(String::from_utf8_lossy(&body(echoed).await), "/echo?a=b localhost a=1; b=2 127.0.0.1 0");
    let head = Request::head("https://localhost/missing").body(()).expect("a request");
    assert_eq!(send(&mut sender, head).await.expect("a response").status(), 404);
    let post = Request::post("https://localhost/echo").body(()).expect("a request");
    let (response, mut stream) = sender.send_request(post, false).expect("sent");
    stream.send_data(Bytes::from_static(b"12345"), true).expect("sent");
    let echoed = body(response.await.expect("a response")).await;
    assert_eq!(String::from_utf8_lossy(&echoed), "/echo localhost  127.0.0.1 5");
}

#[actix_web::test]
async fn too_many_requests_wait_and_too_large_headers_are_rejected() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut sender = connect(&server, &pair).await;
    // The client knows the limits of the server after the first response.
    send(&mut sender, get("/")).await.expect("a response");
    let mut responses = Vec::new();
    for _ in 0..100 {
        sender = sender.ready().await.expect("a connection");
        responses.push(sender.send_request(get("/slow"), true).expect("sent").0);
    }
    sleep(Duration::from_millis(600)).await;
    assert_eq!(server.in_progress(), 64);
    for response in responses {
        assert_eq!(response.await.expect("a response").status(), 200);
    }
    let mut large = get("/");
    large.headers_mut().append("x-large", "x".repeat(33 * 1024).parse().expect("a value"));
    match send(&mut sender, large).await {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(error) => assert!(error.is_go_away() || error.is_reset(), "{error}"),
    }
    let mut sender = connect(&server, &pair).await;
    assert_eq!(send(&mut sender, get("/")).await.expect("a response").status(), 200);
}

#[actix_web::test]
async fn a_response_before_the_end_of_the_body_reaches_the_client() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut sender = connect(&server, &pair).await;
    for _ in 0..2 {
        let post = Request::post("https://localhost/missing").body(()).expect("a request");
        let (response, mut stream) = sender.send_request(post, false).expect("sent");
        assert_eq!(response.await.expect("a response").status(), 404);
        let reset = timeout(Duration::from_millis(300), poll_fn(|context| stream.poll_reset(context))).await;
        assert!(reset.is_err(), "the server does not receive the body: {reset:?}");
        stream.send_data(Bytes::from(vec![b'x'; 50_000]), true).expect("sent");
    }
    let post = Request::post("https://localhost/missing").body(()).expect("a request");
    let (response, mut stream) = sender.send_request(post, false).expect("sent");
    assert_eq!(response.await.expect("a response").status(), 404);
    let reset = timeout(PATIENCE, poll_fn(|context| stream.poll_reset(context))).await;
    assert_eq!(reset.expect("in time").expect("a reset"), Reason::NO_ERROR);
}

#[actix_web::test]
async fn requests_of_one_connection_run_at_the_same_time_and_finish_when_the_server_stops() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut sender = connect(&server, &pair).await;
    let started = Instant::now();
    let responses: Vec<_> =
        (0..20).map(|_| sender.send_request(get("/slow"), true).expect("sent").0).collect();
    let handle = server.handle.clone();
    let stopped = rt::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        handle.stop(true).await;
    });
    for response in responses {
        assert_eq!(body(response.await.expect("a response")).await, b"late");
    }
    // The server does not wait for its timeout, because it closes the connection after the last response.
    timeout(PATIENCE, stopped).await.expect("in time").expect("stopped");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    send(&mut sender, get("/")).await.expect_err("no more requests");
}

#[actix_web::test]
async fn a_request_that_the_client_takes_back_is_dropped() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut sender = connect(&server, &pair).await;
    let (response, mut stream) = sender.send_request(get("/slow"), true).expect("sent");
    sleep(Duration::from_millis(300)).await;
    assert_eq!(server.in_progress(), 1);
    stream.send_reset(Reason::CANCEL);
    drop(response);
    let started = Instant::now();
    while server.in_progress() > 0 {
        assert!(started.elapsed() < Duration::from_millis(500), "it runs to its end");
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(send(&mut sender, get("/")).await.expect("a response").status(), 200);
}

#[actix_web::test]
async fn a_connection_stays_open_while_requests_arrive() {
    let pair = Pair::new();
    let server = TlsServer::with_keep_alive(&pair, Duration::from_secs(2));
    let mut sender = connect(&server, &pair).await;
    for _ in 0..4 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(send(&mut sender, get("/")).await.expect("a response").status(), 200);
    }
    sleep(Duration::from_secs(4)).await;
    send(&mut sender, get("/")).await.expect_err("the connection was idle for too long");
}

#[actix_web::test]
async fn an_idle_connection_is_closed_with_notice_also_if_the_client_is_silent() {
    let pair = Pair::new();
    let server = TlsServer::with_keep_alive(&pair, Duration::from_secs(2));
    let mut stream = server.connect(&h2_client(&pair)).await.expect("a connection");
    // With an empty frame of settings. This client never responds to a ping.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    let started = Instant::now();
    let mut noticed = None;
    // Frames: length, type, flags and stream, then the content (RFC 9113 §4.1).
    let mut head = [0; 9];
    while timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("a frame or the end").is_ok() {
        let length = u64::from(u32::from_be_bytes([0, head[0], head[1], head[2]]));
        tokio::io::copy(&mut (&mut stream).take(length), &mut tokio::io::sink()).await.expect("its content");
        if head[3] == GO_AWAY {
            noticed.get_or_insert(started.elapsed());
        }
    }
    let noticed = noticed.expect("a notice");
    assert!(Duration::from_secs(1) < noticed && noticed < Duration::from_secs(8), "{noticed:?}");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

#[actix_web::test]
async fn an_unread_response_is_given_up() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    let mut sender = connect(&server, &pair).await;
    let response = send(&mut sender, get("/large")).await.expect("a response");
    let mut unread = response.into_body();
    let started = Instant::now();
    let reset = async {
        loop {
            match unread.data().await {
                Some(Ok(_)) => {}
                other => return other,
            }
        }
    };
    let end = timeout(PATIENCE, reset).await.expect("the end");
    let error = end.expect("an end").expect_err("no complete response");
    assert_eq!(error.reason(), Some(Reason::CANCEL));
    assert!(started.elapsed() > Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(send(&mut sender, get("/")).await.expect("a response").status(), 200);
}

#[actix_web::test]
async fn a_client_of_http_1_is_served_and_garbage_in_place_of_http_2_is_not() {
    let pair = Pair::new();
    let server = TlsServer::start(&pair);
    assert!(server.serves(&pair).await);
    let mut stream = server.connect(&h2_client(&pair)).await.expect("a connection");
    stream.write_all(GET.as_bytes()).await.expect("sent");
    let mut response = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut response)).await.expect("the end");
    assert!(!response.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&response));
    assert!(server.serves(&pair).await);
}
