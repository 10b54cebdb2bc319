//! The study's six clients on one day among ordinary PCs, and the resolver's own questions to
//! the servers of the Internet: the capture to show mxray with.

use super::dialogue::{Exchange, MICRO, RESOLVER};
use super::dice::{Dice, fate};
use super::figure7::{self, study_client_f};
use super::mailserver::study_client_a;
use super::message::AA;
use super::ordinary::ordinary_pcs;
use super::packet::Endpoint;
use super::worm::{study_client_b, study_client_c, study_client_d, study_client_e};
use crate::time::{NANOS, Timestamp};
use std::collections::HashSet;
use std::net::Ipv4Addr;

/// Everybody's exchanges on 2005-02-25.
pub(super) fn study_day() -> Vec<Exchange> {
    let clients = [
        study_client_a(),
        study_client_b(),
        study_client_c(),
        study_client_d(),
        study_client_e(),
        study_client_f(),
        ordinary_pcs(),
    ];
    let mut all: Vec<Exchange> = clients.into_iter().flatten().collect();
    for exchange in &mut all {
        exchange.at = on_the_day(exchange.at);
    }
    all.sort_by_key(|exchange| exchange.at);
    let mut upstream = upstream(&all);
    all.append(&mut upstream);
    all
}

/// The same time of the day on Mytob's day.
fn on_the_day(time: Timestamp) -> Timestamp {
    let nanos = time.nanos().rem_euclid(86_400 * NANOS);
    Timestamp::from_parts(figure7::DAY, nanos)
}

/// What the resolver asks before it answers. One name in twelve is asked upstream, when it is
/// first heard of; the others are taken to be in the cache since yesterday, which keeps the
/// file small.
fn upstream(clients: &[Exchange]) -> Vec<Exchange> {
    /// Between the client's query and the resolver's, and again at the end.
    const THOUGHT: i64 = 200 * MICRO;
    let mut dice = Dice::new("upstream");
    let mut known = HashSet::new();
    let mut asked = Vec::new();
    for exchange in clients {
        let new = known.insert((exchange.name.to_ascii_lowercase(), exchange.kind));
        if !new || fate(&exchange.name, 12) != 0 {
            continue;
        }
        let mut upstream = exchange.clone();
        upstream.client = Endpoint::new(RESOLVER, dice.word(1025));
        upstream.server = Ipv4Addr::new(203, 0, 113, 200 + fate(&exchange.name, 50));
        upstream.id = dice.word(0);
        upstream.recursion = false;
        upstream.edns = Some(4096);
        upstream.reply.flags |= AA;
        upstream.at = exchange.at.plus_nanos(THOUGHT);
        upstream.delay = exchange.delay - 2 * THOUGHT; // a client waits 1 ms or more
        asked.push(upstream);
    }
    asked
}
