//! Hosts that look up mail servers by trade or out of curiosity, and mail nobody.

use super::super::conversation::{Conversation, Side};
use super::super::message::kind::{A, MX, NS, TXT};
use super::super::packet::Endpoint;
use super::delivery::{Dialect, Letter};
use super::host::{Host, exchangers, seconds};
use super::rates::{HOUR, Law, MINUTE};
use super::world::Door;
use crate::time::Timestamp;
use std::net::IpAddr;

impl Host {
    /// Connects to port 25, reads the greeting, says QUIT or nothing.
    fn greet(&mut self, at: Timestamp, address: IpAddr, polite: bool) -> Timestamp {
        let server = self.world.server(address);
        if server.door == Door::Silent {
            return self.knock(at, address, 25);
        }
        let from = Endpoint::new(self.address, self.dice.word(32_768));
        let tcp = Conversation::new(at, from, Endpoint::new(address, 25));
        let mut tcp = tcp.round_trip(i64::from(server.distance));
        if server.door == Door::Shut {
            tcp.refused();
        } else {
            let banner = server.mta.banner("mx.example.net").replace('\n', "\r\n");
            tcp.open().wait(i64::from(server.slow));
            tcp.data(Side::Server, format!("{banner}\r\n").as_bytes());
            if polite {
                tcp.wait(3).data(Side::Client, b"QUIT\r\n");
                tcp.wait(3).data(Side::Server, b"221 Bye\r\n");
            }
            tcp.close(Side::Client);
        }
        let end = tcp.now;
        self.take(tcp.packets());
        end
    }
}

/// Looks after mail hosts at a beat, by name and by greeting.
pub(super) fn monitor(host: &mut Host, _: u32) {
    host.stub.cache = 0;
    host.stub.suffix = None;
    let hosts = host.dice.between(20, 40);
    let first = host.dice.below(3000);
    let mut names = Vec::new();
    let mut number = 0;
    while names.len() < hosts as usize {
        number += 1;
        let domain = host.world.harvested(&mut host.dice, first, 600, false);
        let label = *host.dice.pick(&["mail", "smtp", "mx", "mx1", "relay"]);
        let known = host.world.exchangers(&domain).into_iter().next();
        let guessed = format!("{label}.{domain}");
        // What does not exist is not watched.
        let guess = host.world.has(&guessed).then_some(guessed);
        names.extend(if number % 3 == 0 {
            known.or(guess)
        } else {
            guess.or(known)
        });
    }
    let connects = host.dice.chance(600);
    let period = host.dice.between(5, 30) * MINUTE;
    let rounds = (24 * HOUR / period).min(60);
    let start = host.dice.below(period);
    for round in 0..rounds {
        let mut now = Host::at(start + round * period);
        for name in names.clone() {
            let (then, found) = host.lookup(now, &name);
            now = then.plus_nanos(host.pause(5, 80));
            if connects && let Some(server) = found.first() {
                host.greet(now, (*server).into(), true);
            }
        }
    }
}

/// A study of mail hosts by DNS: MX, NS and addresses of many domains.
pub(super) fn crawler(host: &mut Host, _: u32) {
    let domains = host.dice.between(200, 800);
    let law = *host.dice.pick(&[Law::Even, Law::Bursts(100), Law::Poisson]);
    let (from, first) = (host.dice.below(10 * HOUR), host.dice.below(3000));
    let guesses = host.dice.below(300);
    for (at, number) in host
        .moments(law, domains, from, from + 8 * HOUR)
        .into_iter()
        .zip(0..)
    {
        let domain = host.world.domain(first + number);
        host.query(at, &domain, A);
        host.query(at, &domain, NS);
        let (now, reply) = host.query(at, &domain, MX);
        for name in exchangers(&reply).iter().take(2) {
            host.query(now, name, A);
        }
        if host.dice.chance(guesses) {
            host.query(now, &format!("mail.{domain}"), A);
        }
    }
}

/// Addresses of web servers in bulk, among them some that are called as mail hosts are.
pub(super) fn web_crawler(host: &mut Host, _: u32) {
    let pages = host.dice.between(400, 2000);
    let law = *host.dice.pick(&[Law::Even, Law::Bursts(200), Law::Poisson]);
    let (from, first) = (host.dice.below(10 * HOUR), host.dice.below(3000));
    let named = host.dice.between(5, 40);
    for (at, number) in host
        .moments(law, pages, from, from + 10 * HOUR)
        .into_iter()
        .zip(0..)
    {
        let domain = host.world.domain(first + number / 2);
        let name = if host.dice.chance(named) {
            format!("{}.{domain}", host.dice.pick(&["mail", "mx", "smtp", "ns"]))
        } else if number % 2 == 0 {
            format!("www.{domain}")
        } else {
            domain
        };
        host.lookup(at, &name);
    }
}

/// A list of addresses, shuffled: for each the domain is looked up.
fn validate(host: &mut Host, once: bool) {
    let lines = host.dice.between(150, 600);
    let (dead, first) = (host.dice.between(50, 300), host.dice.below(3000));
    let law = *host.dice.pick(&[Law::Even, Law::Bursts(80), Law::Poisson]);
    let from = host.dice.below(14 * HOUR);
    let span = host.dice.between(10, 240) * MINUTE;
    let mut seen = std::collections::HashSet::new();
    host.stub.cache = 0;
    for at in host.moments(law, lines, from, from + span) {
        let gone = host.dice.chance(dead);
        let domain = if gone {
            host.world.harvested(&mut host.dice, first, 1200, true)
        } else {
            let number = first + host.dice.popular(500);
            host.world.domain(number)
        };
        if once && !seen.insert(domain.clone()) {
            continue;
        }
        let (now, reply) = host.query(at, &domain, MX);
        if let (false, Some(name)) = (once, exchangers(&reply).first()) {
            host.query(now, name, A);
        }
        if exchangers(&reply).is_empty() {
            host.query(now, &domain, A);
        } else if host.dice.chance(200) {
            host.query(now, &domain, TXT);
        }
    }
}

pub(super) fn validator(host: &mut Host, _: u32) {
    validate(host, true);
}

pub(super) fn naive_validator(host: &mut Host, _: u32) {
    validate(host, false);
}

/// Asks each server by RCPT whether the mailbox is there, and hands over nothing.
pub(super) fn rcpt_prober(host: &mut Host, _: u32) {
    let lines = host.dice.between(80, 200);
    let (dead, unknown) = (host.dice.between(30, 200), host.dice.between(50, 300));
    let first = host.dice.below(3000);
    let domain = host.world.domain(host.dice.below(4000));
    let name = format!("verify{}.{domain}", host.dice.below(9));
    let dialect = Dialect::server(&name, &domain);
    let from = host.dice.below(14 * HOUR);
    let span = host.dice.between(30, 300) * MINUTE;
    for at in host.moments(Law::Poisson, lines, from, from + span) {
        let gone = host.dice.chance(dead);
        let domain = host.world.harvested(&mut host.dice, first, 800, gone);
        let (now, reply) = host.query(at, &domain, MX);
        let names = exchangers(&reply);
        let Some(name) = names.first() else { continue };
        let (now, found) = host.lookup(now, name);
        let Some(server) = found.first() else {
            continue;
        };
        let letter = Letter {
            recipients: vec![format!("anna@{domain}")],
            unknown: host.dice.chance(unknown),
            probe: true,
        };
        host.deliver(seconds(now, 0), (*server).into(), &dialect, &letter);
    }
}

/// A scan for mail servers: addresses in order, most of which have none.
pub(super) fn banner_scanner(host: &mut Host, _: u32) {
    let targets = host.dice.between(100, 300);
    let from = host.dice.below(14 * HOUR);
    let span = host.dice.between(10, 200) * MINUTE;
    let net = host.dice.below(60_000);
    let polite = host.dice.chance(700);
    let there = host.dice.between(50, 300);
    for (at, number) in host
        .moments(Law::Even, targets, from, from + span)
        .into_iter()
        .zip(0..)
    {
        let address = std::net::Ipv4Addr::from(0xc612_0000 | (net + number)).into();
        if host.dice.chance(there) {
            host.greet(at, address, polite);
        } else {
            host.knock(at, address, 25);
        }
    }
}

/// An administrator who asks for the MX of one to twelve domains.
pub(super) fn by_hand(host: &mut Host, _: u32) {
    let queries = host.appetite() / 2;
    host.browse(queries, Law::Diurnal, 0, 24 * HOUR);
    let times = host.dice.between(1, 12);
    for at in host.moments(Law::Bursts(4), times, 9 * HOUR, 18 * HOUR) {
        let domain = host.world.domain(host.dice.below(3000));
        let (now, reply) = host.query(at, &domain, MX);
        let now = now.plus_nanos(host.pause(2000, 20_000));
        if let Some(name) = exchangers(&reply).first() {
            host.query(now, name, A);
        }
        if host.dice.chance(300) {
            host.query(seconds(now, 5), &domain, TXT);
        }
    }
}
