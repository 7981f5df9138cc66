/// Browsers in the order in which they are looked for: most claim to be the ones that come after them.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
];

/// Systems, likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// A device as its person would call it: "Firefox on Linux". `None` where the `User-Agent` tells nothing.
#[must_use]
pub fn device(user_agent: &str) -> Option<String> {
    match (find(&BROWSERS, user_agent), find(&SYSTEMS, user_agent)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn find(table: &[(&'static str, &'static str)], text: &str) -> Option<&'static str> {
    table.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn a_device_is_called_as_its_person_would() {
        let cases = [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Some("Firefox on Linux"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0 Safari/537.36 Edg/149.0",
                Some("Edge on Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                Some("Safari on iPhone"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0 Mobile Safari/537.36",
                Some("Chrome on Android"),
            ),
            ("curl/8.14.1", Some("curl")),
            ("something else", None),
        ];
        for (user_agent, expected) in cases {
            assert_eq!(device(user_agent).as_deref(), expected, "{user_agent}");
        }
    }
}
