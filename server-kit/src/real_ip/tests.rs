use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;

use super::{FORWARDED, Network, TrustedProxies, X_FORWARDED_FOR};

const TRUSTED: &str = "10.0.0.0/8,192.168.1.1,2001:db8:aaaa::/48";

fn proxies(list: &str) -> TrustedProxies {
    TrustedProxies::new(list.split(',').map(|network| network.parse().expect(network)).collect())
}

/// The client of a request that this peer sends with these headers.
fn client(peer: &str, list: &[&str], forwarded: &[&str]) -> String {
    let mut request = TestRequest::default().peer_addr(format!("{peer}:4711").parse().expect(peer));
    let lines = list.iter().map(|line| (X_FORWARDED_FOR, *line));
    for (name, line) in lines.chain(forwarded.iter().map(|line| (FORWARDED, *line))) {
        request = request.append_header((name, HeaderValue::from_bytes(line.as_bytes()).expect(line)));
    }
    proxies(TRUSTED).client(&request.to_http_request()).expect("an address").to_string()
}

#[test]
fn the_client_is_the_first_address_from_the_right_that_is_not_trusted() {
    for (lines, expected) in [
        (&["203.0.113.7"][..], "203.0.113.7"),
        (&["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        (&["203.0.113.7,10.1.2.3,192.168.1.1"], "203.0.113.7"),
        // The client sent what is further left.
        (&["1.1.1.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        (&["10.9.9.9, 203.0.113.7"], "203.0.113.7"),
        // Several headers form one list.
        (&["1.1.1.1", "203.0.113.7", "10.1.2.3"], "203.0.113.7"),
        (&["203.0.113.7, 10.1.2.3", "10.1.2.4"], "203.0.113.7"),
        // The address next to a trusted one is not trusted.
        (&["203.0.113.7, 192.168.1.2"], "192.168.1.2"),
        // Only trusted addresses: the request comes from one of our own machines.
        (&["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        (&[""], "10.0.0.1"),
        (&[" , 203.0.113.7 ,, "], "203.0.113.7"),
    ] {
        assert_eq!(client("10.0.0.1", lines, &[]), expected, "{lines:?}");
    }
}

#[test]
fn headers_from_other_peers_are_ignored() {
    for peer in ["203.0.113.9", "192.168.1.2", "11.0.0.1"] {
        assert_eq!(client(peer, &["198.51.100.1"], &[]), peer);
        assert_eq!(client(peer, &[], &["for=198.51.100.1"]), peer);
        assert_eq!(client(peer, &["198.51.100.1"], &["for=198.51.100.1"]), peer);
    }
    assert_eq!(client("[2001:db8:bbbb::1]", &["198.51.100.1"], &[]), "2001:db8:bbbb::1");
    // Without trusted proxies, all are ignored.
    let request = TestRequest::default()
        .peer_addr("127.0.0.1:1".parse().unwrap())
        .append_header((X_FORWARDED_FOR, "198.51.100.1"))
        .to_http_request();
    assert_eq!(TrustedProxies::default().client(&request).unwrap().to_string(), "127.0.0.1");
}

#[test]
fn addresses_are_parsed_in_every_form_that_proxies_write() {
    for (hop, expected) in [
        ("203.0.113.7:4711", "203.0.113.7"),
        ("203.0.113.7:_port.1", "203.0.113.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("\"[2001:db8::7]:4711\"", "2001:db8::7"),
        ("\"203.0.113.7\"", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        // Trusted proxies in these forms.
        ("203.0.113.7, 10.1.2.3:80", "203.0.113.7"),
        ("203.0.113.7, ::ffff:10.1.2.3", "203.0.113.7"),
        ("203.0.113.7, [2001:db8:aaaa::9]:443", "203.0.113.7"),
    ] {
        assert_eq!(client("10.0.0.1", &[hop], &[]), expected, "{hop}");
    }
    assert_eq!(client("[::ffff:10.0.0.1]", &["203.0.113.7"], &[]), "203.0.113.7");
}

#[test]
fn an_invalid_hop_ends_the_search() {
    for hop in [
        "unknown",
        "_hidden",
        "garbage",
        "203.0.113",
        "203.0.113.7.8",
        "203.0.113.7:port",
        "203.0.113.7:99999",
        "203.0.113.7:+80",
        "203.0.113.7:",
        "203.0.113.7:_",
        "[2001:db8::7",
        "[2001:db8::7]x",
        "[203.0.113.7]",
        "fe80::1%eth0",
        "\"203.0.113.7",
        "203.0.113.7 198.51.100.1",
        "\u{fc}",
    ] {
        assert_eq!(client("10.0.0.1", &[hop], &[]), "10.0.0.1", "{hop}");
        let list = format!("198.51.100.1, {hop}, 10.1.2.3");
        assert_eq!(client("10.0.0.1", &[&list], &[]), "10.1.2.3", "{hop}");
        // Further left it has no effect.
        let list = format!("{hop}, 198.51.100.1, 10.1.2.3");
        assert_eq!(client("10.0.0.1", &[&list], &[]), "198.51.100.1", "{hop}");
    }
}

#[test]
fn forwarded_is_parsed_like_x_forwarded_for() {
    for (lines, expected) in [
        (&["for=203.0.113.7"][..], "203.0.113.7"),
        (&["For=\"203.0.113.7:80\";proto=https;by=203.0.113.43"], "203.0.113.7"),
        (&["proto=https; FOR = \"[2001:db8::7]:4711\" ; host=\"a,b;c\""], "2001:db8::7"),
        (&["for=1.1.1.1, for=203.0.113.7, for=10.1.2.3;proto=http"], "203.0.113.7"),
        (&["for=1.1.1.1", "for=203.0.113.7", "for=10.1.2.3"], "203.0.113.7"),
        (&["for=203.0.113.7;host=\"a\\\", for=1.1.1.1\""], "203.0.113.7"),
        // An open quote from the client does not hide what the proxy appends.
        (&["for=1.1.1.1;x=\", for=203.0.113.7"], "203.0.113.7"),
        (&["for=\", for=\"[2001:db8::7]\""], "2001:db8::7"),
        (&["for=1.1.1.1;x=\"\\", "for=203.0.113.7"], "203.0.113.7"),
        // No address of the client.
        (&["proto=https"], "10.0.0.1"),
        (&["for=203.0.113.7;for=1.1.1.1"], "10.0.0.1"),
        (&["for=_hidden"], "10.0.0.1"),
        (&["for=unknown, for=10.1.2.3"], "10.1.2.3"),
        (&["203.0.113.7"], "10.0.0.1"),
        (&["for="], "10.0.0.1"),
    ] {
        assert_eq!(client("10.0.0.1", &[], lines), expected, "{lines:?}");
    }
}

#[test]
fn two_headers_that_disagree_are_both_ignored() {
    assert_eq!(client("10.0.0.1", &["203.0.113.7"], &["for=203.0.113.7"]), "203.0.113.7");
    assert_eq!(client("10.0.0.1", &["1.1.1.1, 203.0.113.7"], &["for=203.0.113.7"]), "203.0.113.7");
    // The proxy writes one of them and passes on the client's other one.
    assert_eq!(client("10.0.0.1", &["203.0.113.7"], &["for=1.1.1.1"]), "10.0.0.1");
    assert_eq!(client("10.0.0.1", &["1.1.1.1"], &["for=203.0.113.7"]), "10.0.0.1");
    assert_eq!(client("10.0.0.1", &["203.0.113.7"], &["for=unknown"]), "10.0.0.1");
}

#[test]
fn a_network_that_trusts_more_than_intended_is_rejected() {
    for (text, hint) in [
        ("10.0.0.7/8", "10.0.0.0/8 or 10.0.0.7"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("0.0.0.0/0", "trusts every client"),
        ("::/0", "trusts every client"),
        ("::ffff:0:0/96", "trusts every client"),
        ("10.0.0.0/33", "such as 127.0.0.1"),
        ("proxy.example.org", "such as 127.0.0.1"),
        ("*", "such as 127.0.0.1"),
        ("", "such as 127.0.0.1"),
    ] {
        let error = text.parse::<Network>().expect_err(text);
        assert!(error.contains(hint), "{text}: {error}");
    }
    assert_eq!("::ffff:10.0.0.0/104".parse::<Network>(), "10.0.0.0/8".parse());
    assert_eq!(" ::ffff:10.0.0.1 ".parse::<Network>(), "10.0.0.1".parse());
}
