//! Parses `X-Forwarded-For` and `Forwarded` from the right, where trusted proxies append. Input of the client on the
//! left, such as an open quote, must not change how the rest is parsed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The hops of one `X-Forwarded-For` line, last first; `None` for an invalid hop.
pub fn of_list(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    from_the_right(line, b',').map(node)
}

/// The hops of one `Forwarded` line, last first (RFC 7239 §4); `None` for an invalid hop.
pub fn of_forwarded(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    from_the_right(line, b',').map(|element| {
        let mut names = from_the_right(element, b';').filter_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = pair.split_at(equals);
            name.trim_ascii().eq_ignore_ascii_case(b"for").then(|| &value[1..])
        });
        match (names.next(), names.next()) {
            (Some(value), None) => node(value),
            // A parameter must not repeat. Another parser could choose the other value.
            _ => None,
        }
    })
}

/// The parts between unquoted separators, without empty ones (RFC 9110 §5.6.1.2).
fn from_the_right(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    let parts = std::iter::from_fn(move || {
        let line = rest?;
        let mut quoted = false;
        let cut = (0..line.len()).rev().find(|&at| {
            if line[at] == b'"' && !is_escaped(line, at) {
                quoted = !quoted;
            }
            line[at] == separator && !quoted
        });
        rest = cut.map(|at| &line[..at]);
        Some(cut.map_or(line, |at| &line[at + 1..]).trim_ascii())
    });
    parts.filter(|part| !part.is_empty())
}

/// Whether an odd number of backslashes precedes it.
fn is_escaped(line: &[u8], at: usize) -> bool {
    line[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// A node of RFC 7239 §6 or of `X-Forwarded-For`: an address, optionally with a port. `unknown` and obfuscated names
/// (`_hidden`) contain no address.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    if let Some((address, port)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let address: Ipv6Addr = address.parse().ok()?;
        return (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
            .then(|| address.to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = text.split_once(':')?;
    let address: Ipv4Addr = address.parse().ok()?;
    is_port(port).then_some(address.into())
}

/// A number or an obfuscated port (RFC 7239 §6.3).
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}
