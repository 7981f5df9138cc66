use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::connection::Response;

const REFRESH_PATH: &str = "/auth/refresh";

/// What the connections send.
pub enum Traffic {
    /// Prepared requests, one after the other, repeatedly.
    Prepared {
        /// The requests.
        requests: Vec<Vec<u8>>,
        /// The number of those that were sent.
        sent: Cell<usize>,
        /// The statuses that are no error.
        accepted: Vec<u16>,
    },
    /// Refreshes of sessions. A connection takes the first token, and appends its successor.
    Refreshes {
        /// The address of the server.
        host: String,
        /// The current tokens of all sessions.
        tokens: RefCell<VecDeque<String>>,
    },
}

/// A request that a connection has taken.
pub(super) enum Request<'a> {
    Prepared(&'a [u8]),
    Refresh { bytes: Vec<u8>, token: String },
}

impl Traffic {
    /// Requests whose responses must have the status 200.
    #[must_use]
    pub fn prepared(requests: Vec<Vec<u8>>) -> Self {
        Self::accepting(&[200], requests)
    }

    /// Requests whose responses must have one of these statuses.
    #[must_use]
    pub fn accepting(statuses: &[u16], requests: Vec<Vec<u8>>) -> Self {
        Self::Prepared { requests, sent: Cell::new(0), accepted: statuses.to_vec() }
    }

    /// Refreshes of the sessions with these tokens, which the server delivers in the body.
    #[must_use]
    pub fn refreshes(host: &str, tokens: Vec<String>) -> Self {
        Self::Refreshes { host: host.to_owned(), tokens: RefCell::new(tokens.into()) }
    }

    /// Whether a prepared request has been sent more than once.
    #[must_use]
    pub fn has_repeated(&self) -> bool {
        matches!(self, Self::Prepared { requests, sent, .. } if sent.get() > requests.len())
    }

    /// `None` if there are more connections than sessions.
    pub(super) fn next(&self) -> Option<Request<'_>> {
        match self {
            Self::Prepared { requests, sent, .. } => {
                let number = sent.replace(sent.get() + 1);
                Some(Request::Prepared(&requests[number % requests.len()]))
            }
            Self::Refreshes { host, tokens } => {
                let token = tokens.borrow_mut().pop_front()?;
                let bytes = post(host, REFRESH_PATH, &format!(r#"{{"refresh_token":"{token}"}}"#));
                Some(Request::Refresh { bytes, token })
            }
        }
    }

    /// Checks the response and takes the next token from it.
    pub(super) fn read(&self, request: &mut Request<'_>, response: &Response<'_>) -> Result<(), String> {
        match (self, request) {
            (Self::Prepared { accepted, .. }, _) => accept(response, accepted),
            (Self::Refreshes { .. }, Request::Refresh { token, .. }) => {
                accept(response, &[200])?;
                *token = member(response.body, "refresh_token")?;
                Ok(())
            }
            (Self::Refreshes { .. }, Request::Prepared(_)) => Ok(()),
        }
    }

    /// Ends the use of a request. A session whose refresh failed is refreshed with the same token again.
    pub(super) fn put_back(&self, request: Request<'_>) {
        if let (Self::Refreshes { tokens, .. }, Request::Refresh { token, .. }) = (self, request) {
            tokens.borrow_mut().push_back(token);
        }
    }
}

impl Request<'_> {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Prepared(bytes) => bytes,
            Self::Refresh { bytes, .. } => bytes,
        }
    }
}

/// A GET, with a bearer token if there is one.
#[must_use]
pub fn get(host: &str, path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}\r\n").into_bytes()
}

/// A POST of JSON.
#[must_use]
pub fn post(host: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(super) fn accept(response: &Response<'_>, statuses: &[u16]) -> Result<(), String> {
    if statuses.contains(&response.status) {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&response.body[..response.body.len().min(300)]);
    Err(format!("{} {body}", response.status))
}

/// A text in a JSON object. A parser of the whole body would cost more than the rest of the load generator.
pub(super) fn member(body: &[u8], name: &str) -> Result<String, String> {
    let text = str::from_utf8(body).map_err(|error| error.to_string())?;
    let quoted = format!("\"{name}\":");
    let value = text.find(&quoted).map(|start| text[start + quoted.len()..].trim_start());
    let value = value.and_then(|value| value.strip_prefix('"')).and_then(|value| value.split_once('"'));
    value.map(|(value, _)| value.to_owned()).ok_or_else(|| format!("a response without {name}"))
}

#[cfg(test)]
mod tests {
    use super::{Response, Traffic, member};

    #[test]
    fn a_session_is_refreshed_with_the_successor_of_its_token() {
        let traffic = Traffic::refreshes("host", vec!["first".into(), "second".into()]);
        let mut request = traffic.next().unwrap();
        let response = Response { status: 200, body: br#"{"refresh_token": "third", "rotation": 1}"# };
        traffic.read(&mut request, &response).unwrap();
        traffic.put_back(request);
        assert!(traffic.next().unwrap().bytes().ends_with(br#"{"refresh_token":"second"}"#));
        assert!(traffic.next().unwrap().bytes().ends_with(br#"{"refresh_token":"third"}"#));
        assert!(traffic.next().is_none());
    }

    #[test]
    fn other_statuses_and_bodies_are_errors() {
        let traffic = Traffic::accepting(&[200, 503], vec![b"a".to_vec(), b"b".to_vec()]);
        let mut request = traffic.next().unwrap();
        assert!(traffic.read(&mut request, &Response { status: 503, body: b"" }).is_ok());
        assert_eq!(traffic.read(&mut request, &Response { status: 401, body: b"no" }).unwrap_err(), "401 no");
        assert!(member(br#"{"access_token":"a"}"#, "refresh_token").is_err());
    }
}
