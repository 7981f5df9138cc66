use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use awc::http::Method;
use awc::http::header::SET_COOKIE;
use serde_json::json;
use test_support::{Call, Response, evidence, free_address};

use super::proxy::{Addresses, Kind, Proxy};
use super::upstream::{ReceivedRequest, Upstream};
use crate::stack::{PASSWORD, Running, Stack};

const FEED_TOKEN: &str = "feed-token-of-the-tests-0123456789abcdef";

/// After this time without data, the response counts as complete.
const SILENCE: Duration = Duration::from_secs(2);

/// A protected site: both servers and a third server behind a proxy.
pub struct Site {
    pub kind: Kind,
    pub url: String,
    pub stack: Stack,
    pub api: Running,
    pub upstream: Upstream,
    _auth: Running,
    _proxy: Proxy,
}

/// A user whose tokens are in cookies only.
pub struct User {
    pub id: String,
    pub csrf: String,
    /// `name=value` of each, as a browser sends them.
    pub cookies: Vec<String>,
}

impl Site {
    pub async fn start(kind: Kind) -> Self {
        Self::start_with(kind, &[]).await
    }

    /// With replacements in the configuration of the proxy.
    pub async fn start_with(kind: Kind, edits: &[(&str, &str)]) -> Self {
        let address = free_address();
        // Browsers accept Secure cookies over plain HTTP for this host name only.
        let url = format!("http://localhost:{}", address.port());
        let stack = Stack::behind(url.clone());
        evidence::secret(FEED_TOKEN);
        let both = ["--trusted-proxies", "127.0.0.1", "--revocation-feed-token", FEED_TOKEN];
        let delivery = ["--pages-token-delivery", "both_cookies"];
        let auth = stack.start_auth_with(&[&both[..], &delivery].concat()).await;
        // Direct, not through the proxy, as in deploy/README.md.
        let jwks = format!("--jwks-url={}/.well-known/jwks.json", auth.url);
        let feed = format!("--revocation-feed-url={}/revocations", auth.url);
        let api = stack.start_api_with(&[&both[..], &["--accept-cookie=true", &jwks, &feed]].concat());
        api.wait_until_ready().await;
        let upstream = Upstream::start();
        let bare = |server: &Running| server.url.trim_start_matches("http://").to_owned();
        let addresses =
            Addresses { proxy: address, auth: bare(&auth), api: bare(&api), app: upstream.address() };
        let proxy = Proxy::start(kind, &addresses, edits).await;
        Self { kind, url, stack, api, upstream, _auth: auth, _proxy: proxy }
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, format!("{}{path}", self.url))
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A navigation of a browser.
    pub fn navigate(&self, path: &str) -> Call {
        self.get(path).header("sec-fetch-mode", "navigate").header("accept", "text/html,*/*;q=0.8")
    }

    /// Registers a user as the login page does.
    pub async fn register(&self, name: &str) -> User {
        let body = json!({
            "email": format!("{name}@example.org"), "password": PASSWORD, "token_delivery": "both_cookies",
        });
        User::of(&self.call(Method::POST, "/auth/register").json(&body).send().await.assert_status(201))
    }

    /// Sends these bytes after the request line and `Host`, and returns the status of the first response, if there is one.
    pub async fn send_raw(&self, method: &str, path: &str, rest: &str) -> Option<u16> {
        let host = self.url.trim_start_matches("http://");
        let bytes = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{rest}");
        let address = host.replace("localhost", "127.0.0.1");
        let talk = move || {
            let mut stream = TcpStream::connect(address).expect("a proxy");
            stream.set_read_timeout(Some(SILENCE)).expect("a timeout");
            // The proxy may close the connection early or send nothing more.
            let _ = stream.write_all(bytes.as_bytes());
            let mut received = Vec::new();
            let _ = stream.read_to_end(&mut received);
            let line = String::from_utf8_lossy(&received).lines().next().map(str::to_owned)?;
            line.split(' ').nth(1)?.parse().ok()
        };
        actix_web::web::block(talk).await.expect("an exchange")
    }

    /// The only request that has reached the server behind the proxy.
    pub fn received_one(&self) -> ReceivedRequest {
        let mut received = self.upstream.received();
        assert_eq!(received.len(), 1, "{:?}: {received:?}", self.kind);
        received.remove(0)
    }

    pub fn assert_received_nothing(&self) {
        let received = self.upstream.received();
        assert!(received.is_empty(), "{:?}: {received:?}", self.kind);
    }
}

impl User {
    fn of(response: &Response) -> Self {
        let cookies = response.headers.get_all(SET_COOKIE).map(|cookie| cookie.to_str().expect("text"));
        let cookies = cookies.filter_map(|cookie| cookie.split(';').next()).map(str::to_owned);
        let body = response.json();
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        Self { id: text(&body["user"]["id"]), csrf: text(&body["csrf_token"]), cookies: cookies.collect() }
    }

    pub fn cookie(&self) -> String {
        self.cookies.join("; ")
    }

    /// The value of a cookie.
    pub fn value(&self, name: &str) -> &str {
        let mut values =
            self.cookies.iter().filter_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='));
        values.next().unwrap_or_else(|| panic!("no cookie {name}"))
    }

    /// The same user after `POST /auth/refresh`.
    pub async fn refreshed(self, site: &Site) -> Self {
        let call = site.call(Method::POST, "/auth/refresh").header("cookie", &self.cookie());
        Self::of(&call.send().await.assert_status(200))
    }
}
