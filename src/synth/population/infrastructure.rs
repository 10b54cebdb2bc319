//! Hosts that stand for many: resolvers, forwarders, address translation.

use super::super::message::kind::{A, AAAA, MX, NS, PTR, TXT};
use super::super::message::{Message, QR, RA, RD};
use super::super::packet::{Endpoint, udp};
use super::host::{Host, MILLI};
use super::rates::{HOUR, Law, MINUTE};
use crate::time::Timestamp;
use std::net::Ipv4Addr;

impl Host {
    /// Answers a client inside.
    fn answer(&mut self, at: Timestamp, name: &str, asked: u16) {
        let client = Ipv4Addr::new(
            10,
            200,
            0,
            1 + u8::try_from(self.dice.below(200)).expect("small"),
        );
        let client = Endpoint::new(client, self.dice.word(1025));
        let here = Endpoint::new(self.address, 53);
        let id = self.dice.word(0);
        let reply = self.world.answer(name, asked);
        let query = Message::new(id, RD).question(name, asked).octets();
        let said = Message::new(id, QR | RD | RA | reply.flags).question(name, asked);
        let said = said.reply(&reply).octets();
        self.frame(at, udp(client, here, &query));
        self.frame(at.plus_nanos(40 * MILLI), udp(here, client, &said));
    }

    /// What clients of a resolver ask: pages most of the time, mail hosts at times.
    fn demand(&mut self) -> (String, u16) {
        let site = self.world.domain(self.dice.popular(6000));
        match self.dice.below(100) {
            0..60 => (format!("www.{site}"), A),
            60..75 => (format!("cdn.{site}"), AAAA),
            75..80 => (site, MX),
            80..86 => (format!("mail.{site}"), A),
            86..90 => (format!("smtp.{site}"), A),
            90..94 => (site, TXT),
            94..97 => (site, NS),
            _ => (format!("{}.18.198.in-addr.arpa", self.dice.below(250)), PTR),
        }
    }
}

pub(super) fn resolver(host: &mut Host, _: u32) {
    host.stub.recursion = false;
    host.stub.suffix = None;
    host.stub.cache = 0;
    let queries = host.dice.between(800, 3000);
    for at in host.moments(Law::Diurnal, queries, 0, 24 * HOUR) {
        let (name, asked) = host.demand();
        let authority = host.dice.below(4000);
        host.stub.server = host.world.v4(&format!("ns {authority}")).into();
        if host.dice.chance(300) {
            host.answer(at, &name, asked);
        }
        host.query(at.plus_nanos(MILLI), &name, asked);
    }
}

/// A box at home or in an office: asks one resolver for all behind it.
pub(super) fn forwarder(host: &mut Host, _: u32) {
    host.stub.suffix = None;
    host.stub.cache = 0;
    let queries = host.dice.between(600, 2500);
    let answers = host.dice.between(300, 900);
    for at in host.moments(Law::Diurnal, queries, 0, 24 * HOUR) {
        let (name, asked) = host.demand();
        if host.dice.chance(answers) {
            host.answer(at, &name, asked);
        }
        host.query(at.plus_nanos(MILLI), &name, asked);
    }
}

/// The traffic of 50 users behind one address.
pub(super) fn users(host: &mut Host) {
    for _ in 0..50 {
        let queries = host.dice.between(10, 80);
        let law = *host
            .dice
            .pick(&[Law::Diurnal, Law::HeavyTail, Law::Bursts(20)]);
        host.browse(queries, law, 0, 24 * HOUR);
        if host.dice.chance(500) {
            let provider = host.provider();
            let period = host.dice.between(15, 120) * MINUTE;
            host.poll(&provider.imap, period, 8 * HOUR, 20 * HOUR);
            let letters = host.dice.below(4);
            for at in host.moments(Law::Diurnal, letters, 0, 24 * HOUR) {
                host.send_mail(at, &provider);
            }
        }
    }
}

pub(super) fn nat(host: &mut Host, _: u32) {
    host.stub.cache = 0;
    users(host);
    // One of them asks for an MX by hand, one sets up a mail program.
    for at in host.moments(Law::Poisson, 3, 9 * HOUR, 17 * HOUR) {
        let domain = host.world.domain(host.dice.below(3000));
        host.query(at, &domain, MX);
    }
    let domain = host.world.domain(host.dice.below(3000));
    let at = Host::at(9 * HOUR + host.dice.below(HOUR));
    for label in ["autodiscover", "autoconfig", "imap", "mail", "smtp", "pop"] {
        host.lookup(at, &format!("{label}.{domain}"));
    }
}
