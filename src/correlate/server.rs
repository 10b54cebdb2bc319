//! Is this a mail server? By the mix of its MX queries and the other lookups that mail
//! servers make.

use super::suspect::HOUR;
use super::window::Window;
use crate::count::names::ServerLookup;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Server lookups per MX query of the study's mail server, client A in Table 1 (139 PTR
/// beside 2,922 MX): the fewest that a mail server is known to make, so the slowest to tell.
const SERVER_RATE: f64 = 139.0 / 2922.0;

/// The same of an infected PC: the study's worms made none, other programs make a few.
const WORM_RATE: f64 = 0.002;

/// Limit of the weight either way: no lookups may buy more credit than two hundred MX
/// queries use up.
const CAP: f64 = 9.0;

/// One honest sender in ten only sends, and makes none of these lookups either: of a host whose
/// connections to port 25 are in sight, the absence weighs no more than that. Of who makes none,
/// and where the tap sees the DNS alone, it is all there is (the study's first rule), and a server
/// whose mail goes past the tap needs a line in the inventory.
const ONLY_SENDS: f64 = 0.1;

/// Two in ten make them as seldom as the study's mail server, which is why it takes so long to be
/// sure.
const SELDOM: f64 = 0.2;

/// The others look up whoever connects, and get at least half as much mail as they send: so many
/// lookups per MX query. (Shares and rate are priors.)
const OFTEN: f64 = 1.0 - ONLY_SENDS - SELDOM;
/// See [`OFTEN`].
const OFTEN_RATE: f64 = 0.5;

/// Ten to one for "mail server", beside the prior ([`super::PRIOR`]).
const SERVER: f64 = -2.3;

/// Ten to one against it: who was one stays one until then.
const NO_SERVER: f64 = 2.3;

/// Lookups of either kind that a person makes by hand stay below this.
pub const BY_HAND: u64 = 3;

/// Lookups that make a trade of it, and the span that they come over at the least: a person who
/// looks into some addresses with a tool makes fewer or sooner, and a bot that would be taken for a
/// server has to go on for as long. (Both are priors: a mail server looks up every host that
/// connects, some hundred an hour.) Until then lookups weigh by their number.
const TRADE: u64 = 10;
/// See [`TRADE`].
const LASTS: i64 = HOUR;

/// Names of lookups that are kept, some 60 octets each and so 15 KiB of a host: more than two
/// hundred MX queries ever need to be made up for ([`CAP`]), so that asking for old ones again buys
/// nothing.
const NAMES: usize = 256;

/// The likelihood ratio of "worm" against "mail server", lookup by lookup: a Poisson process
/// of server lookups beside the MX queries, at one of two rates. A name counts again once
/// it was not asked for during an hour: any host may ask for that of its own address time and
/// again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerTest {
    /// MX queries, retries left out.
    pub mx_queries: u64,
    /// Names of lookups that mail servers make, by kind.
    pub lookups: BTreeMap<ServerLookup, u64>,
    /// Those of the last hour.
    names: Window<Option<ServerLookup>>,
    /// Time of the first and the newest of all.
    span: Option<(Timestamp, Timestamp)>,
    llr: f64,
    is_server: bool,
}

impl Default for ServerTest {
    fn default() -> Self {
        Self {
            mx_queries: 0,
            lookups: BTreeMap::new(),
            names: Window::new(HOUR, NAMES),
            span: None,
            llr: 0.0,
            is_server: false,
        }
    }
}

impl ServerTest {
    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        self.lookups.len() * size_of::<(ServerLookup, u64)>() + self.names.octets()
    }

    /// Another MX query came, and no server lookup with it.
    pub fn mx_query(&mut self) {
        self.mx_queries += 1;
        self.llr = (self.llr + (SERVER_RATE - WORM_RATE)).min(CAP);
        self.decide();
    }

    /// A lookup came that mail servers make.
    pub fn lookup(&mut self, kind: ServerLookup, name: u64, now: Timestamp) {
        let (before, known) = self.names.touch(name, now);
        if before.is_some() {
            return;
        }
        *known = Some(kind);
        let (first, newest) = self.span.unwrap_or((now, now));
        self.span = Some((first.min(now), newest.max(now)));
        *self.lookups.entry(kind).or_insert(0) += 1;
        self.llr = (self.llr + (WORM_RATE / SERVER_RATE).ln()).max(-CAP);
        self.decide();
    }

    /// Takes in what another address of the host asked; of both, the mix is weighed anew.
    pub(super) fn merge(&mut self, other: &Self) {
        self.mx_queries += other.mx_queries;
        for (kind, count) in &other.lookups {
            *self.lookups.entry(*kind).or_insert(0) += count;
        }
        for (_, kind) in self.names.common(&other.names) {
            if let Some(count) = kind.and_then(|kind| self.lookups.get_mut(&kind)) {
                *count -= 1;
            }
        }
        self.names.merge(&other.names);
        self.lookups.retain(|_, count| *count > 0);
        self.llr = self.mix().clamp(-CAP, CAP);
        self.span = match (self.span, other.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        self.is_server |= other.is_server;
        self.decide();
    }

    /// All names of lookups that mail servers make.
    #[must_use]
    pub fn lookups(&self) -> u64 {
        self.lookups.values().sum()
    }

    /// The weight of all queries and lookups, whatever their order.
    fn mix(&self) -> f64 {
        let counted = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let queries = counted(self.mx_queries) * (SERVER_RATE - WORM_RATE);
        queries + counted(self.lookups()) * (WORM_RATE / SERVER_RATE).ln()
    }

    /// Weight of "worm" against "mail server", within ±9.
    #[must_use]
    pub fn llr(&self) -> f64 {
        self.llr
    }

    /// The same, of which it is not known what kind of sender the host would be; `sends`: its mail
    /// is in sight, so that it is one that sends, if it is honest. (Of an office behind one address
    /// that sends none, somebody's lookups by hand must not tell.)
    #[must_use]
    pub fn weight(&self, sends: bool) -> f64 {
        // What is left when its lookups are set against its MX queries.
        let left = self.llr;
        if left <= 0.0 || !sends {
            return left;
        }
        let seldom = SELDOM * (-left).exp();
        let often = OFTEN * (-left * OFTEN_RATE / SERVER_RATE).exp();
        -(ONLY_SENDS + seldom + often).ln()
    }

    /// Whether the mix is clearly a mail server's.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.is_server
    }

    fn decide(&mut self) {
        let lasts = self
            .span
            .is_some_and(|(first, newest)| newest.nanos_since(first) >= LASTS);
        let by_hand = self.mx_queries < BY_HAND || self.lookups() < TRADE || !lasts;
        self.is_server = if self.is_server {
            self.llr < NO_SERVER
        } else {
            // Of all queries, and not of the last few hundred: what was asked before a few lookups
            // is no server's either.
            !by_hand && self.llr <= SERVER && self.mix() <= SERVER
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many MX queries, and names asked for over an hour.
    fn test(mx: u64, lookups: u64) -> ServerTest {
        let mut test = ServerTest::default();
        (0..mx).for_each(|_| test.mx_query());
        for name in 0..lookups {
            let second = 3_600 * name / (lookups - 1).max(1);
            ask(&mut test, name, second.cast_signed());
        }
        test
    }

    fn ask(test: &mut ServerTest, name: u64, second: i64) {
        let now = Timestamp::from_parts(second, 0);
        test.lookup(ServerLookup::ReversePtr, name, now);
    }

    #[test]
    fn a_name_counts_again_after_an_hour() {
        let mut test = test(10, 9);
        for second in 3_600..4_600 {
            ask(&mut test, 8, second);
        }
        assert_eq!(test.lookups(), 9);
        assert!(!test.is_server());
        ask(&mut test, 8, 8_201);
        assert!(test.is_server());
        // However many there are, no more are kept.
        for name in 0..10_000 {
            ask(&mut test, name, 90_000);
        }
        assert_eq!(test.names.len(), NAMES);
    }

    #[test]
    fn most_servers_would_have_made_such_lookups_sooner() {
        // Of who sends, four queries without one weigh what twenty of the slowest would.
        let of = |mx| test(mx, 0);
        assert!(of(4).weight(true) > 0.9 && of(4).llr() < 0.2);
        assert!((of(500).weight(true) - 10_f64.ln()).abs() < 0.01);
        assert!((of(500).weight(false) - of(500).llr()).abs() < 1e-9);
        // A lookup excuses sixty queries.
        let some = test(50, 1);
        assert!((some.weight(true) - some.llr()).abs() < 1e-9 && some.llr() < 0.0);
    }

    #[test]
    fn two_addresses_of_a_mail_server_are_one() {
        let (mut one, other) = (test(30, 10), test(30, 10));
        assert!(one.is_server() && other.is_server());
        one.merge(&other);
        assert_eq!((one.mx_queries, one.lookups()), (60, 10));
        assert!(one.is_server(), "{}", one.llr());
    }

    #[test]
    fn what_two_addresses_asked_for_counts_once() {
        let (mut one, mut other) = (test(5, 1), test(5, 1));
        ask(&mut other, 7, 1);
        one.merge(&other);
        assert_eq!(one.lookups(), 2);
        assert!((one.llr() - test(10, 2).llr()).abs() < 1e-9);
        // Half an hour at each of two addresses is an hour of the host.
        let (mut early, mut late) = (test(3, 0), test(3, 0));
        for name in 0..5 {
            ask(&mut early, name, 360 * name.cast_signed());
            ask(&mut late, 5 + name, 2_160 + 360 * name.cast_signed());
        }
        early.merge(&late);
        assert!(early.is_server());
    }

    #[test]
    fn a_mail_server_is_told_by_some_lookups_over_an_hour() {
        assert!(!test(10, 0).is_server() && !test(10, 9).is_server() && !test(2, 15).is_server());
        assert!(test(10, 10).is_server());
        assert!(!test(1000, 10).is_server());
    }

    #[test]
    fn what_a_person_looks_into_or_a_bot_throws_in_makes_no_server() {
        let mut test = test(4, 0);
        for name in 0..60 {
            ask(&mut test, name, 50 * name.cast_signed());
        }
        assert!(!test.is_server());
        // But it weighs.
        assert!(test.llr() <= -CAP);
    }

    #[test]
    fn the_study_s_mail_server_stays_one_and_its_worms_do_not() {
        let mut server = ServerTest::default();
        for n in 0..2922 {
            server.mx_query();
            if n % 21 == 20 {
                ask(&mut server, n, 30 * n.cast_signed());
            }
        }
        assert!(server.is_server());
        for worm in [190, 351, 807, 17_346] {
            assert!(test(worm, 0).llr() > 6.9);
        }
    }
}
