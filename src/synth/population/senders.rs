//! Mail servers: honest ones of each size, and one whose account is stolen.

use super::super::message::kind::{A, AAAA, MX, PTR, TXT};
use super::delivery::{Dialect, End, Letter};
use super::host::{Host, Kinds, exchangers, seconds};
use super::rates::{HOUR, Law, MINUTE};
use super::relays::reversed;
use crate::time::Timestamp;

/// What an honest sender does, in a thousand where it is a share.
#[derive(Clone, Debug)]
pub(super) struct Office {
    pub(super) domain: String,
    pub(super) dialect: Dialect,
    /// Domains it writes to: how many, and whether few get most.
    pub(super) partners: u32,
    pub(super) first: u32,
    pub(super) dead: u32,
    pub(super) unknown: u32,
    /// Asks for the DNSSEC and policy records of a modern server.
    modern: bool,
    /// Of what comes in: asks the sender's server whether the sender is there (a callout).
    callouts: u32,
}

impl Office {
    pub(super) fn new(host: &mut Host, label: &str) -> Self {
        let domain = host.world.living(3_000_000);
        let name = format!("{label}.{domain}");
        let mut dialect = Dialect::server(&name, &domain);
        dialect.quits = host.dice.between(940, 1000);
        dialect.octets = host.dice.between(600, 3000);
        // As the most widespread programs do.
        dialect.groups = host.dice.chance(700);
        host.stub.suffix = None;
        host.stub.kinds = host.stub.kinds.min(Kinds::Both);
        Self {
            domain,
            dialect,
            partners: host.dice.between(15, 120),
            first: host.dice.below(4000),
            dead: host.dice.between(0, 25),
            unknown: host.dice.between(0, 30),
            modern: host.dice.chance(500),
            callouts: if host.dice.chance(150) { 200 } else { 0 },
        }
    }

    /// Mail comes in: who is it, may it, is it listed.
    pub(super) fn receive(&self, host: &mut Host, at: Timestamp) {
        let number = host.dice.below(800);
        let peer = host.world.v4(&format!("peer {number}"));
        let named = self.dialect.names.first().cloned().unwrap_or_default();
        host.accept(at, peer.into(), &self.domain, &named);
        let sender = host.world.domain(self.first + number);
        let now = at.plus_nanos(host.pause(20, 60));
        let back = reversed(peer.octets());
        let (mut now, _) = host.query(now, &format!("{back}.in-addr.arpa"), PTR);
        if self.modern || host.dice.chance(500) {
            now = host.query(now, &sender, TXT).0;
            now = host.query(now, &format!("_dmarc.{sender}"), TXT).0;
        }
        if host.dice.chance(500) {
            let list = host.world.block_list(number % 2);
            host.query(now, &format!("{back}.{list}"), A);
        }
        if host.dice.chance(self.callouts) && !host.world.dead(&sender) {
            let mut dialect = self.dialect.clone();
            dialect.senders = vec![String::new()];
            let letter = Letter {
                recipients: vec![format!("carol@{sender}")],
                unknown: host.dice.chance(100),
                probe: true,
            };
            let (now, reply) = host.query(now, &sender, MX);
            for name in exchangers(&reply).iter().take(1) {
                let (now, found) = host.lookup(now, name);
                for server in found.into_iter().take(1) {
                    host.deliver(now, server.into(), &dialect, &letter);
                }
            }
        }
    }

    /// Mail goes out, and again later where it was put off.
    pub(super) fn send(&self, host: &mut Host, at: Timestamp, domain: &str) {
        let (now, reply) = host.query(at, domain, MX);
        let mut names = exchangers(&reply);
        if names.is_empty() && !host.world.dead(domain) {
            names.push(domain.to_owned());
        }
        let mut now = now;
        let letter = Letter {
            recipients: vec![format!("anna@{domain}")],
            unknown: host.dice.chance(self.unknown),
            probe: false,
        };
        for name in names.iter().take(2) {
            let (then, found) = host.lookup(now, name);
            if self.modern {
                host.query(then, &format!("_mta-sts.{domain}"), TXT);
            }
            let Some(server) = found.first() else {
                continue;
            };
            let (then, end) = host.deliver(then, (*server).into(), &self.dialect, &letter);
            now = seconds(then, 1);
            if end == End::PutOff {
                let wait = i64::from(host.dice.between(300, 1800));
                host.deliver(
                    seconds(then, wait),
                    (*server).into(),
                    &self.dialect,
                    &letter,
                );
            }
            if !matches!(end, End::Silent | End::Refused) {
                return;
            }
        }
    }

    pub(super) fn partner(&self, host: &mut Host) -> String {
        let dead = host.dice.chance(self.dead);
        loop {
            let number = self.first + host.dice.popular(self.partners);
            let domain = host.world.domain(number);
            if dead {
                return host.world.harvested(&mut host.dice, self.first, 3000, true);
            }
            if !host.world.dead(&domain) {
                return domain;
            }
        }
    }

    pub(super) fn day(&self, host: &mut Host, inbound: u32, outbound: u32) {
        for at in host.moments(Law::Diurnal, inbound, 0, 23 * HOUR) {
            self.receive(host, at);
        }
        for at in host.moments(Law::Diurnal, outbound, 0, 23 * HOUR) {
            let domain = self.partner(host);
            self.send(host, at, &domain);
        }
    }
}

pub(super) fn small(host: &mut Host, _: u32) {
    let mut office = Office::new(host, "mail");
    office.partners = host.dice.between(5, 60);
    let (inbound, outbound) = (host.dice.between(10, 120), host.dice.between(8, 80));
    office.day(host, inbound, outbound);
}

pub(super) fn university(host: &mut Host, _: u32) {
    let mut office = Office::new(host, "mx1");
    office.partners = host.dice.between(200, 600);
    let (inbound, outbound) = (host.dice.between(150, 350), host.dice.between(250, 500));
    office.day(host, inbound, outbound);
}

/// Nothing comes in: notices of shops, forums, alarms.
pub(super) fn send_only(host: &mut Host, _: u32) {
    let mut office = Office::new(host, "app");
    office.partners = host.dice.between(4, 80);
    office.dead = host.dice.between(5, 60);
    office.unknown = host.dice.between(0, 60);
    office.dialect.starttls = host.dice.chance(800);
    let outbound = host.dice.between(10, 150);
    office.day(host, 0, outbound);
}

fn news(host: &mut Host) {
    let mut office = Office::new(host, "news");
    office.dead = host.dice.between(5, 40);
    office.unknown = host.dice.between(10, 70);
    office.dialect.senders = vec![format!("bounce.{}", office.domain)];
    office.modern = false;
    let domains = host.dice.between(120, 400);
    let from = host.dice.between(60, 18 * 60) * MINUTE;
    let span = host.dice.between(10, 180) * MINUTE;
    let first = office.first;
    let times = host.moments(Law::Poisson, domains, from, from + span);
    let begin = host.dice.below(500);
    for (at, number) in times.into_iter().zip(begin..) {
        let gone = host.dice.chance(office.dead);
        let mut domain = host.world.domain(first + number);
        if host.world.dead(&domain) != gone {
            domain = host.world.harvested(&mut host.dice, first, 4000, gone);
        }
        office.send(host, at, &domain);
    }
    // Bounces come back to it in some places.
    if host.dice.chance(600) {
        let bounces = host.dice.between(3, 30);
        for at in host.moments(Law::Poisson, bounces, from, from + span) {
            office.receive(host, at);
        }
    }
}

pub(super) fn newsletter(host: &mut Host, _: u32) {
    news(host);
}

/// One block list has it, and so half of its receivers say.
pub(super) fn listed_newsletter(host: &mut Host, _: u32) {
    host.listed = true;
    news(host);
}

/// Tells other domains once a day what came in their names (DMARC, RFC 7489, section 7.2): a
/// letter to each of hundreds within an hour or so, and some of those addresses are gone.
pub(super) fn reporting(host: &mut Host, _: u32) {
    let mut office = Office::new(host, "mx1");
    office.partners = host.dice.between(50, 400);
    let (inbound, outbound) = (host.dice.between(150, 350), host.dice.between(60, 300));
    office.day(host, inbound, outbound);
    office.unknown = host.dice.between(10, 120);
    let gone = host.dice.between(0, 20);
    let domains = host.dice.between(80, 300);
    let from = host.dice.between(0, 22 * 60) * MINUTE;
    let span = host.dice.between(10, 90) * MINUTE;
    let first = office.first;
    let times = host.moments(Law::Poisson, domains, from, from + span);
    for (at, number) in times.into_iter().zip(0..) {
        let gone = host.dice.chance(gone);
        let mut domain = host.world.domain(first + number);
        if host.world.dead(&domain) != gone {
            domain = host.world.harvested(&mut host.dice, first, 4000, gone);
        }
        let (now, _) = host.query(at, &format!("_dmarc.{domain}"), TXT);
        office.send(host, now, &domain);
    }
}

/// Takes mail for the servers behind it, asks several block lists of each peer.
pub(super) fn gateway(host: &mut Host, _: u32) {
    let office = Office::new(host, "gw");
    let relay = host.world.family.relay();
    let lists = host.dice.between(2, 4);
    let inbound = host.dice.between(100, 300);
    for at in host.moments(Law::Diurnal, inbound, 0, 23 * HOUR) {
        office.receive(host, at);
        let peer = host.world.v4(&format!("peer {}", host.dice.below(800)));
        let back = reversed(peer.octets());
        let mut now = at.plus_nanos(host.pause(30, 90));
        for list in 0..lists {
            let list = host.world.block_list(list);
            now = host.query(now, &format!("{back}.{list}"), A).0;
        }
        let sender = host.world.domain(office.first + host.dice.below(900));
        now = host.query(now, &sender, MX).0;
        host.query(now, &format!("mail.{sender}"), AAAA);
        if host.dice.chance(400) {
            host.hand_over(
                now,
                relay,
                &office.dialect,
                &[format!("anna@{}", office.domain)],
            );
        }
    }
}

/// A mail server that is honest until one of its accounts is stolen.
pub(super) fn hijacked(host: &mut Host, _: u32) {
    let mut office = Office::new(host, "mail");
    let (inbound, outbound) = (host.dice.between(80, 200), host.dice.between(60, 160));
    office.day(host, inbound, outbound);
    let from = host.dice.between(9 * 60, 18 * 60) * MINUTE;
    let span = host.dice.between(20, 180) * MINUTE;
    let mails = host.dice.between(150, 350);
    office.unknown = host.dice.between(200, 500);
    host.listed = host.dice.chance(500);
    let dead = host.dice.between(100, 350);
    let first = host.dice.below(4000);
    if host.dice.chance(500) {
        let free = host.world.hoster(100);
        office.dialect.senders = vec![office.domain.clone(), free];
    }
    for at in host.moments(Law::Poisson, mails, from, from + span) {
        let dead = host.dice.chance(dead);
        let domain = host.world.harvested(&mut host.dice, first, 3000, dead);
        host.turn_to(at, &domain);
        office.send(host, at, &domain);
    }
}
