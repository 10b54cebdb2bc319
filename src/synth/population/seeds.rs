//! The study's clients A to F in other times: as recorded, evenly, in bursts of a given
//! dispersion, beside a web user; with the DNS alone or with the SMTP that follows from it.

use super::super::dialogue::Exchange;
use super::super::message::kind::{A, MX};
use super::super::{figure7, mailserver, worm};
use super::bots;
use super::delivery::Letter;
use super::host::{Host, MONDAY, addresses, exchangers};
use super::rates::{HOUR, Law};
use crate::time::{NANOS, Timestamp};
use std::collections::HashSet;
use std::net::IpAddr;

/// Forms in which each client comes: times, and how many of a web user's queries in halves.
const FORMS: [(&str, Times, u32); 7] = [
    ("as in the study", Times::Kept, 0),
    ("flat", Times::Flat, 0),
    ("bursts of IoD 20", Times::Bursts(20), 0),
    ("bursts of IoD 430", Times::Bursts(430), 0),
    ("bursts of IoD 1200", Times::Bursts(1200), 0),
    ("user 0.5×", Times::Kept, 1),
    ("user 1×", Times::Kept, 2),
];

/// The last form: five times the queries of the client, at most [`MOST`].
const BUSY: (&str, Times, u32) = ("user 5×", Times::Kept, 10);

/// Queries of a web user at the most: client D has 18,461 itself.
const MOST: u32 = 12_000;

/// SMTP sessions of a client at the most.
const SESSIONS: usize = 250;

#[derive(Clone, Copy, Debug)]
enum Times {
    Kept,
    Flat,
    /// Counts per busy second with this variance to mean.
    Bursts(u32),
}

/// The forms, each without and with SMTP.
pub(super) const VARIANTS: u32 = 16;

fn client(host: &mut Host, index: u32, log: Vec<Exchange>, sends: bool) {
    let form = (index % VARIANTS) as usize / 2;
    let (name, times, user) = FORMS.get(form).copied().unwrap_or(BUSY);
    let smtp = index % 2 == 1;
    name.clone_into(&mut host.form);
    host.mixed = user > 0;
    host.shows.smtp = smtp;
    let log = timed(host, log, times);
    let queries = u32::try_from(log.len()).unwrap_or(u32::MAX);
    host.browse_if((queries * user / 2).min(MOST));
    let server = host.stub.server;
    let IpAddr::V4(resolver) = server else { return };
    let mut targets = Vec::new();
    for (at, exchange) in &log {
        let mut exchange = exchange.clone();
        exchange.at = *at;
        exchange.client.ip = host.address;
        exchange.server = resolver;
        for packet in exchange.frames() {
            host.frame(packet.time, packet.octets);
        }
        if let Some(domain) = psl::domain_str(&exchange.name) {
            if matches!(exchange.kind, MX | A) && sends {
                host.turn_to(*at, domain);
            }
            let answered = at.plus_nanos(exchange.delay);
            let found = addresses(&exchange.reply).first().copied();
            let named = exchangers(&exchange.reply).into_iter().next();
            // An address that was asked for, or else that of an exchanger sent along.
            let server = match (exchange.kind, found, named) {
                (A, Some(_), _) => Some(host.world.v4(&exchange.name)),
                (MX, _, Some(name)) => Some(host.world.v4(&name)),
                _ => None,
            };
            targets.extend(server.map(|server| (answered, domain.to_owned(), server)));
        }
    }
    if smtp {
        deliver(host, targets, sends);
    }
}

/// A session for each domain, as far as they go.
fn deliver(host: &mut Host, targets: Vec<(Timestamp, String, std::net::Ipv4Addr)>, bot: bool) {
    let (dialect, unknown) = if bot {
        host.listed = host.dice.chance(500);
        (bots::manners(host), host.dice.between(100, 400))
    } else {
        let site = host.world.living(3_000_000);
        let dialect = super::delivery::Dialect::server(&format!("mail.{site}"), &site);
        (dialect, host.dice.between(5, 30))
    };
    let mut seen = HashSet::new();
    let new = targets
        .into_iter()
        .filter(|(_, domain, _)| seen.insert(domain.clone()));
    for (at, domain, server) in new.take(SESSIONS) {
        let letter = Letter {
            recipients: vec![format!("info@{domain}")],
            unknown: host.dice.chance(unknown),
            probe: false,
        };
        let now = at.plus_nanos(host.pause(1, 40));
        host.deliver(now, server.into(), &dialect, &letter);
    }
}

/// The exchanges on our day, at other times where wanted.
fn timed(host: &mut Host, mut log: Vec<Exchange>, times: Times) -> Vec<(Timestamp, Exchange)> {
    log.sort_by_key(|exchange| exchange.at);
    let count = u32::try_from(log.len()).unwrap_or(u32::MAX);
    let new = match times {
        Times::Kept => {
            let shift = log.first().map_or(0, |first| {
                MONDAY - first.at.second().div_euclid(86_400) * 86_400
            });
            log.iter().map(|e| e.at.plus_nanos(shift * NANOS)).collect()
        }
        Times::Flat => host.moments(Law::Even, count, HOUR, 20 * HOUR),
        Times::Bursts(dispersion) => bursts(host, dispersion, count),
    };
    new.into_iter().zip(log).collect()
}

/// Counts of busy seconds are even from 1 to 3/2 of the dispersion, for which the mean of
/// their squares is so many times their mean.
fn bursts(host: &mut Host, dispersion: u32, count: u32) -> Vec<Timestamp> {
    let mut times = Vec::new();
    let mut left = count;
    while left > 0 {
        let size = host.dice.between(1, dispersion * 3 / 2).min(left);
        let second = HOUR / 1000 + host.dice.below(18 * HOUR / 1000);
        for _ in 0..size {
            times.push(Host::at(second * 1000 + host.dice.below(1000)));
        }
        left -= size;
    }
    times.sort_unstable();
    times
}

impl Host {
    fn browse_if(&mut self, queries: u32) {
        if queries > 0 {
            self.browse(queries, Law::Diurnal, 0, 24 * HOUR);
        }
    }
}

pub(super) fn client_a(host: &mut Host, index: u32) {
    client(host, index, mailserver::study_client_a(), false);
}

pub(super) fn client_b(host: &mut Host, index: u32) {
    client(host, index, worm::study_client_b(), true);
}

pub(super) fn client_c(host: &mut Host, index: u32) {
    client(host, index, worm::study_client_c(), true);
}

pub(super) fn client_d(host: &mut Host, index: u32) {
    client(host, index, worm::study_client_d(), true);
}

pub(super) fn client_e(host: &mut Host, index: u32) {
    client(host, index, worm::study_client_e(), true);
}

pub(super) fn client_f(host: &mut Host, index: u32) {
    client(host, index, figure7::study_client_f(), true);
}
