use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tempfile::TempDir;

use super::server::{Pair, TlsServer, load, settings_of, write};

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than the server takes to try new files twice.
const TRIED: Duration = Duration::from_secs(6);

async fn assert_loads(server: &TlsServer, pair: &Pair) {
    let started = Instant::now();
    while !server.serves(pair).await {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not served");
        sleep(Duration::from_millis(100)).await;
    }
}

#[actix_web::test]
async fn files_that_are_renamed_into_place_are_loaded() {
    let (first, second) = (Pair::new(), Pair::new());
    let server = TlsServer::start(&first);
    assert!(server.serves(&first).await && !server.serves(&second).await);
    second.write(server.folder.path());
    assert_loads(&server, &second).await;
    assert!(!server.serves(&first).await);
}

#[actix_web::test]
async fn a_symbolic_link_that_leads_elsewhere_is_followed() {
    let (first, second) = (Pair::new(), Pair::new());
    let folder = TempDir::new().expect("a folder");
    // As Kubernetes mounts a secret: cert.pem → ..data/cert.pem, and ..data → a folder for each version.
    for (version, pair) in [("1", &first), ("2", &second)] {
        fs::create_dir(folder.path().join(version)).expect("a folder");
        pair.write(&folder.path().join(version));
    }
    symlink("1", folder.path().join("..data")).expect("a link");
    for name in ["cert.pem", "key.pem"] {
        symlink(format!("..data/{name}"), folder.path().join(name)).expect("a link");
    }
    let server = TlsServer::start_in(folder, "https://auth.example.org");
    assert!(server.serves(&first).await);
    symlink("2", server.folder.path().join("..new")).expect("a link");
    fs::rename(server.folder.path().join("..new"), server.folder.path().join("..data")).expect("renamed");
    assert_loads(&server, &second).await;
}

#[actix_web::test]
async fn an_invalid_pair_leaves_the_previous_certificate_in_use() {
    let (first, second) = (Pair::new(), Pair::new());
    let server = TlsServer::start(&first);
    let certificate = server.folder.path().join("cert.pem");
    for invalid in [&second.certificate, "no certificate"] {
        write(&certificate, invalid);
        sleep(TRIED).await;
        assert!(server.serves(&first).await, "{invalid}");
    }
    Pair::expiring_in(2001).write(server.folder.path());
    sleep(TRIED).await;
    assert!(server.serves(&first).await, "an expired one is served");
    fs::remove_file(&certificate).expect("removed");
    sleep(TRIED).await;
    assert!(server.serves(&first).await);
    second.write(server.folder.path());
    assert_loads(&server, &second).await;
}

#[test]
fn the_expiry_is_a_metric() {
    let folder = TempDir::new().expect("a folder");
    Pair::expiring_in(4096).write(folder.path());
    let mut registry = Registry::default();
    load(&settings_of(folder.path())).expect("TLS").register(&mut registry);
    let mut page = String::new();
    encode(&mut page, &registry).expect("metrics");
    // `date --date 4096-01-01Z +%s`
    assert!(page.contains("\ntls_certificate_expiry_timestamp_seconds 67090118400\n"), "{page}");
}
