//! An e-mail address has one canonical form, which can be stored, compared and delivered to.

use auth_server::testing::email;

/// The input is text.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(address) = email(&text) else { return };
    assert_eq!(email(&address).as_ref(), Some(&address), "the canonical form does not change");
    assert_eq!(
        email(&format!(" \t{address}\n")).as_ref(),
        Some(&address),
        "surrounding white space is removed"
    );
    assert_eq!(
        email(&address.to_ascii_uppercase()).as_ref(),
        Some(&address),
        "upper and lower case are equal"
    );
    assert!(address.len() <= 254, "{address:?} is too long to deliver to");
    assert!(!address.chars().any(char::is_control), "{address:?}");
    let (local, domain) = address.rsplit_once('@').expect("an @");
    assert!(!local.is_empty() && !domain.is_empty(), "{address:?}");
    assert!(!domain.chars().any(|c| c.is_whitespace() || c == '@'), "{address:?}");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        " Ann.O'Neil+tag@Mail.Example.ORG ",
        "\"quoted local\"@example.org",
        "ann@[127.0.0.1]",
        "ann@[IPv6:2001:db8::1]",
        "ünï@exämple.org",
        "İ@example.org",
        "ann@xn--exmple-cua.org",
        "ａｎｎ@ｅｘａｍｐｌｅ\u{3002}org",
        "a\u{ad}nn@exam\u{200b}ple.org",
        "a@b@c",
        "ann\0@example.org",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
