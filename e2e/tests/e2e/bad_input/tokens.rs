//! Rows with invalid tokens.

use super::world::{Cell, Expected, Server, Target, with_body};
use Expected::{Problem, Status};

const MALFORMED: Expected = Problem(400, "malformed_request");
const MISSING: Expected = Problem(401, "missing_token");
const INVALID: Expected = Problem(401, "invalid_token");

/// What an operation does with tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Ignores them.
    Ignores,
    /// A login or a registration: ends the presented session once it has succeeded.
    Opens,
    /// `POST /auth/refresh`
    Refreshes,
    /// `POST /auth/logout`: ends every presented session.
    Ends,
    /// Requires a valid token.
    Requires,
    /// A token is optional.
    Optional,
}

pub fn cells(target: &Target) -> Vec<Cell> {
    let kind = kind(target);
    let mut cells = Vec::new();
    let mut add = |row: &str, call, expected| cells.push(Cell { row: row.to_owned(), call, expected });
    let world = target.world;
    let bearer = match target.server {
        Server::Auth => &world.refresh_token,
        Server::Api => &world.access_token,
    };

    // The revocation feed has its own token, which is accepted in the header only.
    let takes_cookie = target.server == Server::Auth && target.operation.path != "/revocations";

    // Every operation that reads the header rejects two of them, before it does anything else.
    let twice = target.with_good_body(target.bare().bearer(bearer).bearer(bearer));
    match (kind, target.good) {
        (Kind::Ignores, Some(good)) => add("two Authorization headers", twice, Status(good)),
        (Kind::Ignores, None) => {}
        _ => add("two Authorization headers", twice, target.two_tokens()),
    }
    if matches!(kind, Kind::Requires | Kind::Refreshes) {
        add("no token", target.with_good_body(target.bare()), MISSING);
        let basic = target.bare().header("authorization", "Basic QW5uOnB3");
        add("another scheme", target.with_good_body(basic), MISSING);
        // The resource server also accepts the plain name, since the issuer of the tests uses plain HTTP.
        let names = "refresh_token=x; x_access_token=y; __Host-access_token =z; refresh=z";
        let other = target.bare().header("cookie", names);
        add("cookies of other names", target.with_good_body(other), MISSING);
    }
    for (row, text) in bad_tokens(target) {
        let expected = match kind {
            Kind::Refreshes => Problem(401, "session_ended"),
            Kind::Ends => Status(204),
            Kind::Requires | Kind::Optional => INVALID,
            Kind::Ignores | Kind::Opens => continue,
        };
        let header = target.bare().header("authorization", &format!("Bearer {text}"));
        add(&format!("{row} as bearer"), target.with_good_body(header), expected);
        // If the header is present, the cookie is ignored, except by a refresh and a logout.
        if !matches!(kind, Kind::Refreshes | Kind::Ends) {
            let beside =
                target.bare().cookie(&world.refresh_token).header("authorization", &format!("Bearer {text}"));
            add(&format!("{row} as bearer, beside a valid cookie"), target.with_good_body(beside), expected);
        }
        if takes_cookie && !text.is_empty() && text.is_ascii() {
            add(&format!("{row} as cookie"), target.with_good_body(target.cookies("", &text, "")), expected);
        }
    }
    if let Some(good) = target.good.filter(|_| takes_cookie && kind == Kind::Requires) {
        let token = &world.refresh_token;
        let again = format!("; __Host-refresh_token={token}");
        add("the cookie twice", target.with_good_body(target.cookies("", token, &again)), Status(good));
        let header = target.cookies("", token, "").cookie("x");
        add("the cookie in two headers", target.with_good_body(header), Status(good));
    }
    if kind == Kind::Refreshes {
        let body = format!("{{\"refresh_token\":\"{}\"}}", world.refresh_token);
        add("the token in cookie and body", with_body(target.logged_in(), body.clone()), MALFORMED);
        add("the token in header and body", with_body(target.bare().bearer(bearer), body), MALFORMED);
        for key in
            ["", "short", &"x".repeat(65), "\"abcdefghijklmnopqrstuv", "abcdefghijklmnopqrstu ", "null"]
        {
            let call = target.logged_in().header("idempotency-key", key);
            add(&format!("Idempotency-Key {key:?}"), call, MALFORMED);
        }
        let key = "abcdefghijklmnopqrstuv";
        let call = target.logged_in().header("idempotency-key", key).header("idempotency-key", key);
        add("Idempotency-Key twice", call, MALFORMED);
    }
    if let Some(good) = target.good.filter(|_| takes_cookie || target.server == Server::Api) {
        for planted in
            ["foo; a=%FF; ", "=; ;;; ", "refresh_token=x; ", "x__Host-refresh_token=y; ", "\"; a=\"; "]
        {
            let call = target.cookies(planted, &world.refresh_token, "; z=%");
            let call = if target.server == Server::Api { call.bearer(bearer) } else { call };
            add(&format!("planted {planted}"), call, Status(good));
        }
    }
    cells
}

fn kind(target: &Target) -> Kind {
    let operation = target.operation;
    match operation.path.as_str() {
        "/auth/login" | "/auth/register" => Kind::Opens,
        "/auth/refresh" => Kind::Refreshes,
        "/auth/logout" => Kind::Ends,
        _ if !operation.is_open() => Kind::Requires,
        _ if operation.takes("access_token") => Kind::Optional,
        _ => Kind::Ignores,
    }
}

/// Tokens that this operation must reject.
pub fn bad_tokens(target: &Target) -> Vec<(&'static str, String)> {
    let (access, refresh) = (&target.world.access_token, &target.world.refresh_token);
    let right = if target.server == Server::Auth { refresh } else { access };
    let mut tokens = vec![
        ("nothing", String::new()),
        ("a word", "nonsense".to_owned()),
        ("three words", "a.b.c".to_owned()),
        ("punctuation", "!!!".to_owned()),
        ("9 KiB", "x".repeat(9 * 1024)),
        ("a tampered token", right.replacen(".ey", ".fy", 1)),
        ("a token without its signature", right.rsplit_once('.').expect("a signature").0.to_owned() + "."),
    ];
    if !target.operation.takes("access_token") {
        tokens.push(("the access token", access.clone()));
    } else if target.server == Server::Api {
        tokens.push(("the refresh token", refresh.clone()));
    }
    tokens
}
