//! Rows with invalid bodies.

use serde_json::json;

use super::world::{Cell, Expected, Target, with_body};
use crate::document::Body;
use Expected::{Problem, Status};

const MALFORMED: Expected = Problem(400, "malformed_request");
const INVALID: Expected = Problem(422, "invalid_input");
const TOO_LARGE: Expected = Problem(413, "body_too_large");
const MEBIBYTE: usize = 1 << 20;

/// Bodies that are not a JSON object.
const NO_OBJECTS: [(&str, &[u8]); 11] = [
    ("an open brace", b"{"),
    ("a word", b"nonsense"),
    ("a list", b"[]"),
    ("a text", b"\"text\""),
    ("a number", b"1"),
    ("two objects", b"{}{}"),
    ("a number out of range", b"{\"email\":1e999}"),
    ("invalid UTF-8", b"{\"email\":\"\xff\"}"),
    ("UTF-16", b"\xff\xfe{\0}\0"),
    ("a trailing comma", b"{\"email\":\"a\",}"),
    ("a comment", b"{} // yes"),
];

pub fn cells(target: &Target) -> Vec<Cell> {
    let Some(body) = &target.operation.body else { return Vec::new() };
    let mut cells = Vec::new();
    let mut add = |row: String, call, expected| cells.push(Cell { row, call, expected });

    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
        "nonsense",
    ] {
        let call = target.logged_in().header("content-type", media_type).raw(target.body);
        add(format!("content type {media_type}"), call, Problem(415, "unsupported_media_type"));
    }
    let without_type = target.logged_in().raw(target.body);
    add("no content type".to_owned(), without_type, Problem(415, "unsupported_media_type"));

    for (name, bytes) in NO_OBJECTS {
        add(format!("{name} as body"), with_body(target.logged_in(), bytes), MALFORMED);
    }
    let deep = format!("{}{}", "{\"a\":".repeat(2000), "[");
    add("a deep body".to_owned(), with_body(target.logged_in(), deep), MALFORMED);
    if body.is_needed {
        add("no body".to_owned(), target.logged_in(), MALFORMED);
        add("null as body".to_owned(), with_body(target.logged_in(), "null"), MALFORMED);
    }

    // A larger body can arrive after the server has responded and closed the connection: then there is no response to read.
    for size in [16 * 1024 + 1, MEBIBYTE] {
        let spaces = " ".repeat(size - 2);
        let huge = with_body(target.logged_in(), format!("{{{spaces}}}"));
        add(format!("a body of {size} bytes"), huge, TOO_LARGE);
    }
    members(target, body, &mut add);
    cells
}

fn members(target: &Target, body: &Body, add: &mut impl FnMut(String, test_support::Call, Expected)) {
    let send = |body: String| with_body(target.logged_in(), body);
    for name in ["unknown", "rember", "__proto__", ""] {
        add(format!("unknown member {name:?}"), send(target.body_with(name, json!(1)).to_string()), INVALID);
    }
    for name in &body.needed_members {
        let mut less = target.body_with(name, json!(null));
        add(format!("{name} is null"), send(less.to_string()), INVALID);
        less.as_object_mut().expect("an object").remove(name);
        add(format!("{name} is missing"), send(less.to_string()), INVALID);
    }
    for (name, types) in &body.members {
        for (kind, wrong) in [
            ("number", json!(1)),
            ("array", json!(["x"])),
            ("object", json!({"x": "y"})),
            ("boolean", json!(true)),
            ("string", json!("true")),
        ] {
            if types.contains(kind) {
                continue;
            }
            add(format!("{name} is {wrong}"), send(target.body_with(name, wrong).to_string()), MALFORMED);
        }
        let inner = target.body.trim_start_matches('{');
        let comma = if inner == "}" { "" } else { "," };
        let twice =
            format!("{{\"{name}\":null,\"\\u{:04x}{}\":null{comma}{inner}", name.as_bytes()[0], &name[1..]);
        add(format!("{name} twice"), send(twice), MALFORMED);
        if types.contains("string") {
            text_member(target, name, add);
        }
    }
}

fn text_member(target: &Target, name: &str, add: &mut impl FnMut(String, test_support::Call, Expected)) {
    let send = |body: String| with_body(target.logged_in(), body);
    let with = |text: &str| target.body_with(name, json!(text)).to_string();
    add(format!("{name} of a mebibyte"), send(with(&"x".repeat(MEBIBYTE))), TOO_LARGE);
    for half in ["\\ud800", "\\udc00 ", "x\\ud800\\ud800"] {
        let body = with("HALF").replace("HALF", half);
        add(format!("a lone surrogate in {name}: {half}"), send(body), MALFORMED);
    }

    // Without the cookie: two tokens are another error.
    let rejected = match (target.operation.path.as_str(), name) {
        ("/auth/refresh", "refresh_token") => Problem(401, "session_ended"),
        ("/auth/logout", "refresh_token") => Status(204),
        (_, "token" | "continuation") => Problem(410, "link_invalid"),
        (_, "challenge") => Problem(401, "challenge_expired"),
        _ => INVALID,
    };
    let is_current_password = matches!(
        (target.operation.path.as_str(), name),
        // Whether a new password is strong is checked after the link, or is the result.
        (
            "/auth/login"
                | "/auth/reauthenticate"
                | "/auth/invitations/accept"
                | "/auth/setup"
                | "/auth/password/strength"
                | "/auth/register/confirm"
                | "/auth/email/verify",
            "password"
        ) | ("/auth/password/reset", "new_password")
            | ("/auth/password", "current_password")
    );
    for (row, text) in
        [("NUL", "a\0@example.org"), ("nothing", ""), ("a blank", " "), ("8 KiB", &"x".repeat(8192))]
    {
        // A password can be any text, up to the size limit of bodies.
        if is_current_password && row != "NUL" && row != "nothing" {
            continue;
        }
        // Checked after the other members and after the token.
        let call = if name == "refresh_token" { target.bare() } else { target.logged_in() };
        add(format!("{row} as {name}"), with_body(call, with(text)), rejected);
    }
    if ["name", "username"].contains(&name) {
        for text in ["x".repeat(65), "\u{202e}\0".to_owned(), "a\nb".to_owned()] {
            add(format!("{text:?} as {name}"), send(with(&text)), INVALID);
        }
    }
}
