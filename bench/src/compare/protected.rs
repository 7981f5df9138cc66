//! `GET /protected` of the resource server.

use std::time::Instant;

use super::limits::verifications;
use super::servers::Server;
use super::tokens::Issuer;
use super::{Bound, Lab, Side, WARM_UP};
use crate::available_cores;
use crate::load::{Traffic, get};

const CONNECTIONS: usize = 64;
/// Tokens that have been used before.
const WARM: usize = 1000;
/// More tokens than the estimate, so that none is used twice.
const RESERVE: f64 = 1.3;

pub fn measure(lab: &mut Lab) {
    let issuer = Issuer::start();
    warm(lab, &issuer);
    new(lab, &issuer);
}

/// All routes receive the same requests, so that only the work of the servers differs.
fn warm(lab: &mut Lab, issuer: &Issuer) {
    let tokens = issuer.access_tokens(WARM);
    let requests = |server: &Server, path| {
        Traffic::prepared(tokens.iter().map(|token| get(&server.host, path, Some(token))).collect())
    };
    let api = ready(Server::resource(&issuer.url));
    let with_open = ready(Server::resource_with_open_route(&issuer.url));
    let bare = Server::bare();
    let (protected, open) = (requests(&with_open, "/protected"), requests(&with_open, "/open"));
    let [guarded, unguarded] = lab.in_turn(
        |lab| lab.load(&with_open.host, &protected, CONNECTIONS).per_second(),
        |lab| lab.load(&with_open.host, &open, CONNECTIONS).per_second(),
    );
    lab.row(
        "protected, warm token / the same route without authentication",
        Bound::AtLeast { goal: 0.95, limit: 0.9 },
        Side::new("GET /protected", "/s", guarded),
        Side::new("without authentication", "/s", unguarded),
    );
    let (protected, plain) = (requests(&api, "/protected"), requests(&bare, "/protected"));
    let [guarded, bare] = lab.in_turn(
        |lab| lab.load(&api.host, &protected, CONNECTIONS).per_second(),
        |lab| lab.load(&bare.host, &plain, CONNECTIONS).per_second(),
    );
    lab.row(
        "protected, warm token / bare actix route with the same JSON",
        Bound::AtLeast { goal: 0.85, limit: 0.75 },
        Side::new("GET /protected", "/s", guarded),
        Side::new("bare actix route", "/s", bare),
    );
}

fn new(lab: &mut Lab, issuer: &Issuer) {
    let api = ready(Server::resource(&issuer.url));
    let sample = issuer.access_tokens(WARM);
    let (mut rates, mut possible, mut cores_used) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..lab.options.rounds {
        let of_all_cores = verifications(issuer.public_key(), &sample, lab.options.length.div_f64(2.0));
        let seconds = (WARM_UP + lab.options.length).as_secs_f64();
        let traffic = Traffic::prepared(requests(issuer, &api, count(of_all_cores * seconds * RESERVE)));
        let (cpu, started) = (api.cpu_time(), Instant::now());
        rates.push(lab.load(&api.host, &traffic, CONNECTIONS).per_second());
        let cores_of_round = api.cpu_time().saturating_sub(cpu).div_duration_f64(started.elapsed());
        assert!(!traffic.has_repeated(), "not enough tokens");
        possible.push(of_all_cores * cores_of_round / cores());
        cores_used.push(cores_of_round);
    }
    lab.row(
        "protected, every token new (ES256) / verifications of the cores used",
        Bound::AtLeast { goal: 0.8, limit: 0.7 },
        Side::new("GET /protected", "/s", rates),
        Side::new("verifications of all cores × share used", "/s", possible),
    );
    lab.other(Side::new("cores used by the resource server, every token new", "", cores_used));
}

pub fn requests(issuer: &Issuer, server: &Server, count: usize) -> Vec<Vec<u8>> {
    let tokens = issuer.access_tokens(count);
    tokens.iter().map(|token| get(&server.host, "/protected", Some(token))).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of tokens")]
fn count(estimate: f64) -> usize {
    estimate as usize
}

fn cores() -> f64 {
    u32::try_from(available_cores()).map_or(1.0, f64::from)
}

/// Waits until the server has fetched its keys.
pub fn ready(server: Server) -> Server {
    server.wait_until_ready();
    server
}
