//! Sensors that see less than they should: what fails is the mirror, not the hosts.

use super::case::START;
use super::dialogue::{Client, Exchange, MILLI, RESOLVER, capture};
use super::dice::Dice;
use super::message::{AA, kind};
use super::names;
use super::packet::{Capture, Endpoint};
use crate::time::{NANOS, Timestamp};
use std::net::Ipv4Addr;

const MINUTE: i64 = 60;

/// PCs that ask for a web host each, every `every` seconds on the average and not evenly, for so
/// many seconds: the same rate all the time.
fn pcs(count: u8, every: u32, seconds: i64) -> Vec<Exchange> {
    let mut log = Vec::new();
    for host in 1..=count {
        let address = Ipv4Addr::new(192, 0, 2, host);
        let mut dice = Dice::new(&format!("steady {address}"));
        let mut client = Client::new(address);
        let mut millis = i64::from(dice.below(every * 1000));
        while millis < seconds * 1000 {
            let now = Timestamp::from_parts(START, millis * MILLI);
            let site = names::domain(1500 + dice.popular(40));
            client.ask(now, &format!("www.{site}"), kind::A);
            millis += i64::from(dice.between(every * 500, every * 1500));
        }
        log.append(&mut client.log);
    }
    log
}

/// Whether a time lies so many seconds from the start.
fn within(time: Timestamp, from: i64, to: i64) -> bool {
    let after = time.nanos_since(Timestamp::from_parts(START, 0));
    (from * NANOS..to * NANOS).contains(&after)
}

/// Forty PCs: after 65 minutes half of them are out of sight for a quarter of an hour, after 95
/// minutes everybody for half an hour.
pub(super) fn sensor_blind() -> Capture {
    let mut all = pcs(40, 22, 127 * MINUTE);
    all.retain(|exchange| {
        let half = Endpoint::new(Ipv4Addr::new(192, 0, 2, 20), 0).ip < exchange.client.ip;
        let cut = half && within(exchange.at, 65 * MINUTE, 80 * MINUTE);
        !cut && !within(exchange.at, 95 * MINUTE, 125 * MINUTE)
    });
    capture(&all)
}

/// Ten PCs of which no reply is seen from the tenth minute to the twentieth.
pub(super) fn sensor_one_way() -> Capture {
    let mut capture = capture(&pcs(10, 8, 32 * MINUTE));
    // Ethernet and IPv4 without options: the source address is 26 octets on.
    let reply = |octets: &[u8]| octets.get(26..30) == Some(RESOLVER.octets().as_slice());
    capture
        .packets
        .retain(|packet| !(reply(&packet.octets) && within(packet.time, 10 * MINUTE, 20 * MINUTE)));
    capture
}

/// What a resolver asks the servers of the Internet, for all its clients: among it MX of many
/// domains, keyword hosts, names that fail. No host's own doing.
pub(super) fn resolver_egress() -> Capture {
    let mut dice = Dice::new("resolver egress");
    let mut client = Client::new(RESOLVER);
    let mut millis = 0;
    for number in 0..900 {
        millis += i64::from(dice.between(500, 2500));
        let now = Timestamp::from_parts(START, millis * MILLI);
        let domain = names::domain(dice.below(500));
        let (name, kind) = match number % 3 {
            0 => (domain, kind::MX),
            1 => (format!("mail.{domain}"), kind::A),
            _ => (format!("www.{domain}"), kind::A),
        };
        client.ask(now, &name, kind);
    }
    for exchange in &mut client.log {
        let server = u8::try_from(dice.between(1, 250)).expect("under 256");
        exchange.server = Ipv4Addr::new(203, 0, 113, server);
        exchange.recursion = false;
        exchange.edns = Some(1232);
        exchange.reply.flags |= AA;
    }
    capture(&client.log)
}
