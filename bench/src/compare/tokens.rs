//! Tokens of any number of users, signed without an auth server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock, secret_key_id};
use uuid::Uuid;

use crate::available_cores;

const KID: &str = "bench";
/// The name of every user. As long as that of the peers.
const NAME: &str = "there";
const LIFETIME: i64 = 24 * 60 * 60;

/// Signs access tokens with ES256, and publishes its key.
pub struct Issuer {
    pub url: String,
    key: EcdsaKeyPair,
}

impl Issuer {
    /// Publishes a new key set on a free port until the process ends.
    pub fn start() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y));
        let jwk =
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KID, "x": x, "y": y});
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let key_set = json!({"keys": [jwk]}).to_string();
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(stream, &key_set)));
        Self { url, key }
    }

    /// The bytes of the public key, as an uncompressed point.
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// The access token of a new user and session.
    pub fn access_token(&self) -> String {
        let now = SystemClock.now().timestamp();
        let [user, session, id] = [(); 3].map(|()| Uuid::new_v4().to_string());
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": KID});
        let claims = json!({
            "iss": self.url, "sub": user, "aud": "api", "client_id": "web", "iat": now, "exp": now + LIFETIME, "jti": id,
            "type": "access", "sid": session, "uv": 1, "auth_time": now, "amr": ["pwd"], "roles": [], "name": NAME,
        });
        let message = message(&header, &claims);
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// Many tokens, signed on all cores.
    pub fn access_tokens(&self, count: usize) -> Vec<String> {
        let each = count.div_ceil(available_cores());
        thread::scope(|scope| {
            let sign = || (0..each).map(|_| self.access_token()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..available_cores()).map(|_| scope.spawn(sign)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("tokens")).take(count).collect()
        })
    }
}

/// The refresh token of a session's first generation, as the auth server at this URL signs it.
pub fn refresh_token(issuer: &str, secret: &str, session: &str, session_secret: &str) -> String {
    let now = SystemClock.now().timestamp();
    let header = json!({"alg": "HS256", "typ": "rt+jwt", "kid": secret_key_id(secret.as_bytes())});
    let claims = json!({
        "iss": issuer, "aud": issuer, "sub": Uuid::nil().to_string(), "sid": session, "gen": 1, "sk": session_secret,
        "jti": Uuid::new_v4().to_string(), "type": "refresh", "auth_time": now, "iat": now, "exp": now + LIFETIME,
    });
    let message = message(&header, &claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes())))
}

fn message(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}")
}

/// Responds with the key set to any request.
fn serve(mut stream: TcpStream, key_set: &str) {
    let head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    head.for_each(drop);
    let length = key_set.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{key_set}"
    );
}
