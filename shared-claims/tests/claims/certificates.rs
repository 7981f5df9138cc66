//! An auth server whose certificate is not trusted.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use shared_claims::revocation_feed::FeedError;
use shared_claims::tls::BadCertificate;
use shared_claims::{FeedOptions, JwksSource, RemoteKeySet, RemoteKeySetOptions, RevocationFeed};

use crate::issuer::{eventually, free_listener};

/// Self-signed, for localhost and 127.0.0.1. Valid from 2000 to 9999.
const CERTIFICATE: &str = "MIIBYzCCAQqgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcNMDAwMTAxMDAwMDAwWhgPOTk5OTEy\
     MzEyMzU5NTlaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABACkQMQLwTua2ZfiLnvIbMJE\
     HZSlxpKSLw5RsQ5zx0rkiuqJ4XljaI4LmqZ6lCaGnYJGEneF6xcOxCPpaswNfrKjSzBJMAwGA1UdEwEB/wQCMAAwGgYDVR0RBBMw\
     EYIJbG9jYWxob3N0hwR/AAABMB0GA1UdDgQWBBRSjHsN+AXg4dD19GpS6M3cb20BnjAKBggqhkjOPQQDAgNHADBEAiAJS28Mk6u8\
     26HvJPZzyCt/fAksxpbv4XMXqxr5GojMmgIgVHL8dwaDd5M60bn0Y67bx2j2BEdy5GkkvKpZyD4FF0Y=";
const PRIVATE_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggoSahnmtiUYDHoiqlfSYAWQKmhPkBxJEZe8+6gvYMUahRANCAAQA\
     pEDEC8E7mtmX4i57yGzCRB2UpcaSki8OUbEOc8dK5IrqieF5Y2iOC5qmepQmhp2CRhJ3hesXDsQj6WrMDX6y";

/// Serves TLS handshakes until the process ends.
fn serve() -> SocketAddr {
    let bytes = |text| BASE64_STANDARD.decode(text).expect("base64");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![bytes(CERTIFICATE).into()],
            PrivatePkcs8KeyDer::from(bytes(PRIVATE_KEY)).into(),
        )
        .expect("a certificate");
    let (config, listener) = (Arc::new(config), free_listener());
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            // The client ends the handshake.
            let _ = StreamOwned::new(connection, stream).read(&mut [0; 1]);
        }
    });
    address
}

#[actix_web::test]
async fn an_untrusted_certificate_is_named_with_the_remedy() {
    let address = serve();
    let url = format!("https://{address}/keys").parse().expect("a URL");
    let keys = RemoteKeySet::spawn(JwksSource::JwksUrl(url), RemoteKeySetOptions::default());
    eventually("a failure", || keys.status().last_error.is_some()).await;
    let status = keys.status();
    let sentence = status.last_error.expect("a sentence");
    assert!(sentence.contains("certificate is not from a trusted authority"), "{sentence}");
    assert!(sentence.contains("SSL_CERT_FILE"), "{sentence}");

    let url = format!("https://localhost:{}/revocations", address.port()).parse().expect("a URL");
    let feed = RevocationFeed::spawn(url, &"token".into(), None, FeedOptions::default());
    eventually("a failure", || feed.status().last_error.is_some()).await;
    assert_eq!(feed.status().last_error, Some(FeedError::BadCertificate(BadCertificate::Untrusted)));
}
