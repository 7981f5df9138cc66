//! Many sessions in the database, and many tokens at the resource server.

use std::time::Duration;

use super::population::Population;
use super::protected::{ready, requests};
use super::refresh::CONNECTIONS;
use super::servers::Server;
use super::tokens::Issuer;
use super::{Bound, Lab, Plan, Side, WARM_UP};
use crate::load::Traffic;

const FEW: u32 = 10_000;
/// Sessions of the large database that are refreshed: as many that most are on a page of their own.
const SAMPLE: u32 = 200_000;
const TOKENS: usize = 1_000_000;
const BATCH: usize = 50_000;
/// The default of `TOKEN_CACHE_SIZE`, in MB.
const MEMORY: f64 = 16.0 * 1.048_576;

pub fn measure(lab: &mut Lab) {
    tokens(lab);
    sessions(lab);
}

fn sessions(lab: &mut Lab) {
    let few = Population::create(&lab.options.postgres, FEW, "body");
    let many = Population::create(&lab.options.postgres, lab.options.sessions, "body");
    let [few_server, many_server] = [&few, &many].map(|population| Server::auth(&population.database.url));
    let few = Traffic::refreshes(&few_server.host, few.refresh_tokens(&few_server.url(), FEW));
    let many = Traffic::refreshes(&many_server.host, many.refresh_tokens(&many_server.url(), SAMPLE));
    let first = lab.load(&many_server.host, &many, CONNECTIONS).per_second();
    // The first change of a page after a checkpoint writes the whole page to the WAL. With the small table that is over within
    // a second.
    let mut refreshed = 0;
    while refreshed < SAMPLE as usize {
        let plan = Plan { warm_up: Duration::ZERO, ..lab.plan(CONNECTIONS) };
        refreshed += lab.send(&many_server.host, &many, plan).count();
    }
    let [many, few] = lab.in_turn(
        |lab| lab.load(&many_server.host, &many, CONNECTIONS).per_second(),
        |lab| lab.load(&few_server.host, &few, CONNECTIONS).per_second(),
    );
    lab.row(
        "refresh, PostgreSQL: 10 million sessions / 10,000",
        Bound::AtLeast { goal: 0.9, limit: 0.8 },
        Side::new("with the large table", "/s", many),
        Side::new("with 10,000 sessions", "/s", few),
    );
    lab.other(Side::new(
        "refresh, 10 million sessions, first change of each page after a checkpoint",
        "/s",
        vec![first],
    ));
}

fn tokens(lab: &mut Lab) {
    let issuer = Issuer::start();
    let api = ready(Server::resource(&issuer.url));
    // Buffers of connections and threads are no part of the cache.
    let one = Traffic::prepared(requests(&issuer, &api, 1));
    lab.load(&api.host, &one, CONNECTIONS);
    let before = api.resident_memory();
    let mut sent = 0;
    while sent < TOKENS {
        let traffic = Traffic::prepared(requests(&issuer, &api, BATCH));
        while !traffic.has_repeated() {
            let plan = Plan { warm_up: Duration::ZERO, length: WARM_UP, ..lab.plan(CONNECTIONS) };
            lab.send(&api.host, &traffic, plan);
        }
        sent += BATCH;
    }
    let after = api.resident_memory();
    lab.row(
        "resource server: memory added by a million tokens / its bound",
        Bound::AtMost { goal: 1.0, limit: 1.0 },
        Side::new("resident memory, minus that before", "MB", vec![after - before]),
        Side::new("bound", "MB", vec![MEMORY]),
    );
    lab.other(Side::new("resource server, memory after many calls with one token", "MB", vec![before]));
}
