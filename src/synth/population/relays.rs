//! Spam through the site's own mail server, and a PC that is one for others.

use super::super::message::kind::MX;
use super::delivery::{Dialect, Letter};
use super::host::{Host, seconds};
use super::mta::Mta;
use super::rates::{HOUR, Law, MINUTE};
use super::world::{Door, Server};
use crate::time::Timestamp;
use std::net::IpAddr;

impl Host {
    /// Hands letters to the site's server, which takes all.
    pub(super) fn hand_over(
        &mut self,
        at: Timestamp,
        relay: IpAddr,
        dialect: &Dialect,
        recipients: &[String],
    ) -> Timestamp {
        let server = Server {
            mta: Mta::Postfix,
            door: Door::Open,
            greylists: false,
            slow: 2,
            starttls: false,
            lists: None,
            distance: 1,
        };
        let letter = Letter {
            recipients: recipients.to_vec(),
            unknown: self.dice.chance(60),
            probe: false,
        };
        self.deliver_to(at, relay, server, dialect, &letter).0
    }
}

/// A worm of the first generation: bulk through the site's server, after days of little.
pub(super) fn gen1_relay(host: &mut Host, _: u32) {
    host.shows.dns = false;
    let site = host.world.living(3_000_000);
    let relay = host.world.family.relay();
    let mut dialect = Dialect::server(&format!("pc{}", host.dice.below(99)), &site);
    dialect.quits = host.dice.between(0, 1000);
    let many = host.dice.between(1, 25);
    if host.dice.chance(600) {
        dialect.senders = (0..many).map(|n| host.world.domain(7000 + n)).collect();
    }
    let sessions = host.dice.between(40, 160);
    let from = host.dice.between(60, 14 * 60) * MINUTE;
    let hours = host.dice.between(1, 3);
    let (dead, first) = (host.dice.between(100, 400), host.dice.below(3000));
    // A person mails now and then before.
    let before = host.dice.below(6);
    for at in host.moments(Law::Poisson, before, 0, from) {
        host.hand_over(at, relay, &dialect, &[format!("colleague@{site}")]);
    }
    for at in host.moments(Law::Poisson, sessions, from, from + hours * HOUR) {
        let mut recipients = Vec::new();
        for _ in 0..host.dice.between(1, 6) {
            let dead = host.dice.chance(dead);
            let domain = host.world.harvested(&mut host.dice, first, 2000, dead);
            host.turn_to(at, &domain);
            recipients.push(format!("info@{domain}"));
        }
        let (now, _) = host.lookup(at, &format!("mail.{site}"));
        host.hand_over(now, relay, &dialect, &recipients);
    }
    let queries = host.appetite();
    host.browse(queries, Law::Diurnal, 0, 24 * HOUR);
    host.mixed = true;
}

/// A PC with an open relay: mail comes in on 25 and goes out on 25.
pub(super) fn hijacked_relay(host: &mut Host, _: u32) {
    host.listed = host.dice.chance(700);
    let domain = host.world.domain(host.dice.below(5000));
    let named = format!("pc{}.{domain}", host.dice.below(99));
    let mut dialect = Dialect::server(&named, &domain);
    let many = host.dice.between(4, 30);
    dialect.senders = (0..many).map(|n| host.world.domain(7000 + n)).collect();
    let letters = host.dice.between(60, 160);
    let from = host.dice.between(60, 12 * 60) * MINUTE;
    let hours = host.dice.between(2, 9);
    let (dead, unknown) = (host.dice.between(100, 350), host.dice.between(100, 400));
    for at in host.moments(Law::Poisson, letters, from, from + hours * HOUR) {
        let peer = host.world.v4(&format!("peer {}", host.dice.below(20)));
        host.begin(at);
        host.accept(at, peer.into(), &domain, &named);
        let gone = host.dice.chance(dead);
        let to = host.world.harvested(&mut host.dice, 0, 3000, gone);
        let now = seconds(at, 2);
        host.turn_to(now, &to);
        let reversed = reversed(peer.octets());
        host.query(
            now,
            &format!("{reversed}.in-addr.arpa"),
            super::super::message::kind::PTR,
        );
        let (now, _) = host.query(now, &to, MX);
        for name in host.world.exchangers(&to).iter().take(1) {
            let (now, found) = host.lookup(now, name);
            let letter = Letter {
                recipients: vec![format!("info@{to}")],
                unknown: host.dice.chance(unknown),
                probe: false,
            };
            for server in found.into_iter().take(1) {
                host.deliver(now, server.into(), &dialect, &letter);
            }
        }
    }
    let queries = host.appetite() / 2;
    host.browse(queries, Law::Diurnal, 0, 24 * HOUR);
    host.mixed = true;
}

/// An address as reverse lookups write it.
pub(super) fn reversed([a, b, c, d]: [u8; 4]) -> String {
    format!("{d}.{c}.{b}.{a}")
}
