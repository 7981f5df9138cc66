//! Both servers behind one host, as `both_cookies` requires: a reverse proxy for a page without tokens.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;

use test_support::fault_proxy::{Listener, Request};

/// Paths of the API. All others are the auth server's.
const PATHS_OF_API: [&str; 5] = ["/protected", "/profile", "/admin", "/transfer", "/greeting"];
/// The API must never receive it: it would allow the API to act for the user.
const REFRESH_COOKIE: &str = "__Host-refresh_token=";

/// Listens until it is dropped.
pub fn listen(auth_url: &str, api_url: &str) -> Listener {
    let address = |url: &str| url.strip_prefix("http://").expect("a plain HTTP address").to_owned();
    let (auth, api) = (address(auth_url), address(api_url));
    Listener::start(move |client| {
        // The client notices a broken connection.
        let _ = pass_on(client, &auth, &api);
    })
}

fn pass_on(mut client: TcpStream, auth: &str, api: &str) -> std::io::Result<()> {
    let Some(request) = Request::read(&mut BufReader::new(&client))? else {
        return Ok(());
    };
    let is_for_api = PATHS_OF_API.contains(&request.path.as_str());
    let bytes = if is_for_api { without_refresh_cookie(&request.bytes) } else { request.bytes };
    let mut server = TcpStream::connect(if is_for_api { api } else { auth })?;
    server.write_all(&bytes)?;
    let mut response = Vec::new();
    server.read_to_end(&mut response)?;
    client.write_all(&response)
}

/// Browsers send one `Cookie` header, and no body in these tests has such a line.
fn without_refresh_cookie(request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(request.to_vec()).expect("text");
    let lines = text.split("\r\n").map(|line| match line.split_once(": ") {
        Some((name, cookies)) if name.eq_ignore_ascii_case("cookie") => {
            let kept: Vec<_> =
                cookies.split("; ").filter(|cookie| !cookie.starts_with(REFRESH_COOKIE)).collect();
            format!("{name}: {}", kept.join("; "))
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n").into_bytes()
}
