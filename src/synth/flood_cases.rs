//! A resolver with a usual load for half an hour, and then what floods of queries look like, and
//! what does not: a site that wakes up, and a crowd.

use super::dialogue::{Client, Exchange, MILLI, capture};
use super::dice::Dice;
use super::message::kind;
use super::packet::Capture;
use crate::time::Timestamp;
use std::net::Ipv4Addr;

/// Minutes of the usual load before anything happens.
const QUIET: u32 = 25;

/// A minute at a time: so many queries, each by one of `sources` for one of `names`.
struct Resolver {
    dice: Dice,
    minute: i64,
    kind: u16,
    name: fn(u32) -> String,
    log: Vec<Exchange>,
}

/// One of 24 PCs of the site, or of 500 hosts outside.
fn source(number: u32) -> Ipv4Addr {
    let last = u8::try_from(number % 250 + 1).expect("at most 250");
    match number {
        0..24 => Ipv4Addr::new(192, 0, 2, 100 + last),
        24..274 => Ipv4Addr::new(203, 0, 113, last),
        _ => Ipv4Addr::new(198, 51, 100, last),
    }
}

impl Resolver {
    /// With its usual load: 24 PCs, 40 names of which some are asked for more often, 45 queries a
    /// minute.
    fn new(case: &str, kind: u16, name: fn(u32) -> String) -> Self {
        let mut resolver = Self {
            dice: Dice::new(case),
            minute: 0,
            kind,
            name,
            log: Vec::new(),
        };
        resolver.usual(QUIET);
        resolver
    }

    /// So many queries, in this minute, of sources and for names with those numbers.
    fn ask(&mut self, queries: u32, sources: (u32, u32), names: (u32, u32)) {
        for _ in 0..queries {
            let source = source(sources.0 + self.dice.popular(sources.1));
            let name = (self.name)(names.0 + self.dice.popular(names.1));
            let millis = i64::from(self.dice.below(59_900));
            let at = Timestamp::from_parts(super::case::START + 60 * self.minute, 0);
            let mut client = Client::new(source);
            client.ask(at.plus_nanos(millis * MILLI), &name, self.kind);
            self.log.append(&mut client.log);
        }
    }

    fn usual(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.ask(45, (0, 24), (0, 40));
            self.minute += 1;
        }
    }

    /// The usual load and another, for four minutes; then the usual one until all is quiet.
    fn more(&mut self, queries: u32, sources: (u32, u32), names: (u32, u32)) {
        for _ in 0..4 {
            self.ask(queries, sources, names);
            self.usual(1);
        }
        self.usual(8);
    }

    fn done(mut self) -> Capture {
        // A minute is over when a packet of the next one is seen.
        self.usual(1);
        for (number, exchange) in (0_u16..).zip(&mut self.log) {
            // Each client is new: its numbers would repeat.
            exchange.id = number;
        }
        capture(&self.log)
    }
}

/// The name of an address: 192.0.2.1 to .40, then any of 192.0.0.0/16.
fn reverse(number: u32) -> String {
    let [_, _, high, low] = number.to_be_bytes();
    match high {
        0 => format!("{low}.2.0.192.in-addr.arpa"),
        _ => format!("{low}.{high}.0.192.in-addr.arpa"),
    }
}

fn site(number: u32) -> String {
    format!("www.site{number}.example")
}

pub(super) fn flood_ptr() -> Capture {
    let mut resolver = Resolver::new("flood ptr", kind::PTR, reverse);
    // More of all: four times as many hosts and names.
    resolver.more(500, (0, 200), (0, 400));
    // One PC asks for the names of a whole network.
    resolver.more(700, (7, 1), (256, 60_000));
    // The servers that a bot at 192.0.2.7 writes to ask for its name.
    resolver.more(700, (24, 500), (7, 1));
    // Two PCs ask for one name.
    resolver.more(700, (3, 2), (30, 1));
    resolver.done()
}

pub(super) fn flood_a() -> Capture {
    let mut resolver = Resolver::new("flood a", kind::A, site);
    // More of all.
    resolver.more(500, (0, 200), (0, 400));
    // Everybody asks for the site that is in the news.
    resolver.more(900, (0, 500), (9, 1));
    // Two PCs ask for one name.
    resolver.more(900, (3, 2), (30, 1));
    resolver.done()
}
