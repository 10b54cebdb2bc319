//! Forty ordinary PCs on one day: what a rule must leave alone. Some of them ask for mail
//! hosts, some for MX, some in bursts; none for the mail hosts of many domains.

use super::dialogue::{Client, Exchange, MILLI};
use super::dice::Dice;
use super::figure7::DAY;
use super::message::kind::{A, AAAA, ANY, HTTPS, MX, NS, PTR, SOA, SRV, TXT};
use super::names::{self, CAMPUS};
use crate::time::Timestamp;
use std::net::Ipv4Addr;

/// The first PC is 192.0.2.64.
const FIRST: u8 = 64;

/// What one kind of PC does in its day.
type Habit = fn(&mut Pc);

/// What the forty do, in order of their addresses.
const HABITS: [(usize, Habit); 9] = [
    (12, surf),
    (9, surf_modern),
    (3, poll_mail),
    (1, poll_mail_only),
    (3, print),
    (2, develop),
    (3, set_up_mail),
    (4, echo_suffix),
    (3, surf_mixing_case),
];

/// One PC with its day so far.
struct Pc {
    client: Client,
    dice: Dice,
}

/// All of them, PC after PC.
pub(super) fn ordinary_pcs() -> Vec<Exchange> {
    let mut log = Vec::new();
    let habits = HABITS
        .iter()
        .flat_map(|(pcs, habit)| std::iter::repeat_n(habit, *pcs));
    for (host, habit) in (FIRST..).zip(habits) {
        let address = Ipv4Addr::new(192, 0, 2, host);
        let dice = Dice::new(&format!("ordinary {address}"));
        let client = Client::new(address);
        let mut pc = Pc { client, dice };
        habit(&mut pc);
        log.append(&mut pc.client.log);
    }
    log
}

impl Pc {
    /// A time between two hours of the day, UTC.
    fn moment(&mut self, from: u32, to: u32) -> Timestamp {
        let second = self.dice.between(from * 3600, to * 3600 - 120);
        let millis = i64::from(self.dice.below(1000)) * MILLI;
        Timestamp::from_parts(DAY + i64::from(second), millis)
    }

    /// A host that a page is made of; people go to the same few sites.
    fn web_host(&mut self) -> String {
        let site = names::domain(1500 + self.dice.popular(300));
        let label = *self
            .dice
            .pick(&["www", "www", "www", "img", "ad", "news", "static", "bbs"]);
        format!("{label}.{site}")
    }

    /// Asks a page's hosts for `kinds`, about `pages` times in office hours.
    fn pages(&mut self, pages: u32, kinds: &[u16]) {
        for _ in 0..pages {
            let mut now = self.moment(0, 10);
            for _ in 0..self.dice.between(1, 5) {
                let host = self.web_host();
                for kind in kinds {
                    self.client.ask(now, &host, *kind);
                    now = now.plus_nanos(i64::from(self.dice.between(1, 9)) * MILLI);
                }
                now = now.plus_nanos(i64::from(self.dice.between(20, 900)) * MILLI);
            }
        }
    }

    /// Asks for one name every `period` seconds of a working day.
    fn poll(&mut self, name: &str, period: u32, times: u32) {
        let start = self.moment(0, 1);
        for round in 0..times {
            let slip = i64::from(self.dice.below(40)) * MILLI;
            let at = start.plus_nanos(i64::from(round * period) * crate::time::NANOS + slip);
            self.client.ask(at, name, A);
        }
    }

    /// Asks one after another, each when the one before is answered.
    fn script(&mut self, questions: &[(&str, u16)]) {
        let mut now = self.moment(0, 10);
        for (name, kind) in questions {
            now = self.client.ask(now, name, *kind);
            now = now.plus_nanos(i64::from(self.dice.between(2, 80)) * MILLI);
        }
    }
}

/// A PC of 2005: A only, and its mail server a few times a day.
fn surf(pc: &mut Pc) {
    let pages = pc.dice.between(12, 90);
    pc.pages(pages, &[A]);
    for _ in 0..pc.dice.between(2, 8) {
        let at = pc.moment(0, 10);
        pc.client.ask(at, &format!("mail.{CAMPUS}"), A);
    }
}

/// A stub of today: A and AAAA together, HTTPS for pages, EDNS.
fn surf_modern(pc: &mut Pc) {
    pc.client.offer_edns(1232);
    let pages = pc.dice.between(10, 38);
    pc.pages(pages, &[A, AAAA]);
    pc.pages(pages / 3, &[HTTPS, A, AAAA]);
    // DNS-SD over unicast: a PTR query that says nothing about mail.
    pc.script(&[
        (&format!("b._dns-sd._udp.{CAMPUS}"), PTR),
        (&format!("lb._dns-sd._udp.{CAMPUS}"), PTR),
    ]);
}

/// Mail is fetched every five minutes all day, pages are read besides.
fn poll_mail(pc: &mut Pc) {
    pc.poll(&format!("mail.{CAMPUS}"), 300, 140);
    pc.pages(30, &[A]);
}

/// Nothing but the poll: every name is a mail keyword, and K is T in every second.
fn poll_mail_only(pc: &mut Pc) {
    pc.poll(&format!("smtp.{CAMPUS}"), 300, 270);
}

/// A printer: its time server, its maker, its own name.
fn print(pc: &mut Pc) {
    pc.poll(&format!("ntp.{CAMPUS}"), 3600, 22);
    let maker = names::domain(1510);
    pc.script(&[
        (&format!("firmware.{maker}"), A),
        (&format!("wpad.{CAMPUS}"), A),
        (&format!("_ipp._tcp.{CAMPUS}"), PTR),
        (&format!("_printer._tcp.{CAMPUS}"), SRV),
        (&format!("smtp.{CAMPUS}"), A), // scan to mail
        (&format!("printer3.{CAMPUS}"), A),
        (&format!("firmware.{maker}"), A),
        (&format!("ntp2.{CAMPUS}"), A),
        (&format!("time.{maker}"), A),
        (&format!("time.{maker}"), A),
    ]);
}

/// Somebody who runs `dig mx` a few times, and reverse lookups.
fn develop(pc: &mut Pc) {
    pc.client.offer_edns(4096);
    pc.pages(40, &[A]);
    for _ in 0..3 {
        let domain = names::domain(1500 + pc.dice.popular(300));
        pc.script(&[
            (&domain, MX),
            (&format!("mail.{domain}"), A),
            (&domain, NS),
            (&domain, SOA),
            (&domain, TXT),
            (&domain, ANY),
            ("17.113.0.203.in-addr.arpa", PTR),
        ]);
    }
}

/// A mail program is set up: it guesses hosts of one domain, as worms do for hundreds.
fn set_up_mail(pc: &mut Pc) {
    pc.pages(25, &[A]);
    let guesses = [
        ("autodiscover", A),
        ("_autodiscover._tcp", SRV),
        ("autoconfig", A),
        ("_imaps._tcp", SRV),
        ("_pop3s._tcp", SRV),
        ("_submission._tcp", SRV),
        ("imap", A),
        ("mail", A),
        ("smtp", A),
        ("pop", A),
        ("pop3", A),
        ("mail", AAAA),
        ("relay", A),
    ];
    for domain in [CAMPUS.to_owned(), names::domain(1507)] {
        let hosts = guesses.map(|(label, kind)| (format!("{label}.{domain}"), kind));
        let questions: Vec<(&str, u16)> =
            hosts.iter().map(|(host, kind)| (&**host, *kind)).collect();
        pc.script(&questions);
        pc.client
            .ask(Timestamp::from_parts(DAY + 7200, 0), &domain, MX);
    }
}

/// A stub with a search list: what is not found is asked again with the campus's suffix.
fn echo_suffix(pc: &mut Pc) {
    for _ in 0..pc.dice.between(20, 60) {
        let host = pc.web_host();
        let mut now = pc.moment(0, 10);
        now = pc.client.ask(now, &host, A).plus_nanos(MILLI);
        if names::answer(&host, A).answers.is_empty() || pc.dice.chance(300) {
            pc.client.ask(now, &format!("{host}.{CAMPUS}"), A);
        }
    }
    // The name of a single label, as typed, and its echo.
    pc.script(&[("mail", A), (&format!("mail.{CAMPUS}"), A)]);
}

/// A stub that mixes the case of every letter.
fn surf_mixing_case(pc: &mut Pc) {
    pc.client.mix_case();
    pc.client.offer_edns(1232);
    let pages = pc.dice.between(10, 40);
    pc.pages(pages, &[A, AAAA]);
    for _ in 0..4 {
        let at = pc.moment(0, 10);
        pc.client.ask(at, &format!("mail.{CAMPUS}"), A);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn forty_with_thirty_to_four_hundred_queries() {
        let mut queries: BTreeMap<_, u32> = BTreeMap::new();
        for exchange in ordinary_pcs() {
            *queries.entry(exchange.client.ip).or_default() += 1;
        }
        assert_eq!(queries.len(), 40);
        for (address, count) in queries {
            assert!((30..=400).contains(&count), "{address}: {count}");
        }
    }
}
