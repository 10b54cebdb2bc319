//! Mail in bulk: recipients, message after message, through one server.
//!
//! That is the first generation's way out (a worm that uses its site's mail server), and what
//! a stolen password is used for. People write to dozens now and then; a worm goes on. So a
//! burst is content like any other, held against the host's own past, and takes conduct.

use super::evidence::{Family, Trail, Witness};
use super::fanout::hash;
use super::score::{Against, Score};
use crate::count::delta::Server;
use crate::time::{NANOS, Timestamp};
use crate::words::counted;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Recipients are counted over this span.
const SPAN: i64 = 600 * NANOS;
/// Recipients in a span that say nothing: a person's round mail (the study: 20 per 10 min).
const LEAST: u64 = 20;
/// Times the host's own past that say nothing (the study).
const TIMES: u64 = 5;
/// Hours with mail of which the busiest span is remembered; their median is the host's past.
/// (The study takes 7 days; what counts is that a past is longer than an attack.)
const HOURS: usize = 48;
/// So many make a past.
const PAST: usize = 4;
/// Servers of a host that are followed; the bulk goes to one or two, and who has more is a
/// matter of fan-out.
const SERVERS: usize = 64;

/// Another [`LEAST`] recipients beyond what says nothing: ten worms for one person. A machine
/// that mails by trade, and that nobody has told the site's operators of, has a past of it.
const BURST: Against = Against::each(2.3, 0.9, 2.3);
/// The same of a machine that mails by trade, beyond [`TIMES`] its own past.
const JUMP: Against = Against::each(0.0, 2.3, 0.0);

/// The recipients of a host.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Relay {
    servers: BTreeMap<u64, Bulk>,
    /// Over all servers.
    all: Bulk,
    /// Recipients to one server in the span that weighed most.
    pub most: u64,
    /// Recipients to all servers in the span that jumped most.
    jumped: u64,
    /// They are domains that were looked up.
    looked_up: bool,
    /// They are messages inside TLS, by an estimate.
    in_tls: bool,
    /// Witnesses of bursts.
    pub trail: Trail,
}

/// Recipients over spans, and the busiest spans of past hours.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Bulk {
    span: i64,
    count: u64,
    hour: i64,
    busiest: u64,
    past: VecDeque<u64>,
    newest: Timestamp,
}

impl Bulk {
    /// Counts recipients; how many steps of `LEAST` beyond what says nothing that crossed.
    fn add(&mut self, count: u64, now: Timestamp) -> u64 {
        let span = now.nanos().div_euclid(SPAN);
        let hour = now.second().div_euclid(3_600);
        self.newest = now;
        if hour != self.hour {
            if self.busiest > 0 {
                self.past.push_front(self.busiest);
                self.past.truncate(HOURS);
            }
            (self.hour, self.busiest) = (hour, 0);
        }
        if span != self.span {
            (self.span, self.count) = (span, 0);
        }
        let before = self.steps();
        self.count += count;
        self.busiest = self.busiest.max(self.count);
        self.steps() - before
    }

    /// Steps that the open span has taken.
    fn steps(&self) -> u64 {
        (self.count / LEAST).saturating_sub(self.usual() / LEAST)
    }

    fn has_past(&self) -> bool {
        self.past.len() >= PAST
    }

    /// What says nothing, less one step.
    fn usual(&self) -> u64 {
        if !self.has_past() {
            return 0;
        }
        let mut past: Vec<_> = self.past.iter().copied().collect();
        past.sort_unstable();
        let median = past.get(past.len() / 2).copied().unwrap_or(0);
        (median * TIMES).saturating_sub(LEAST)
    }
}

impl Relay {
    /// Memory beside the struct itself, at the most: no server has a longer past than all of them
    /// together. It is asked for each second, and not worth a walk over them.
    pub(super) fn octets(&self) -> usize {
        let past = self.all.past.len() * size_of::<u64>();
        past + self.servers.len() * (size_of::<(u64, Bulk)>() + past) + self.trail.octets()
    }

    /// It named a recipient to a server.
    pub(super) fn recipient(&mut self, server: Server, score: &mut Score, witness: Witness) {
        self.in_tls = false;
        self.add(server, 1, score, witness);
    }

    /// It handed messages to a server inside TLS, by an estimate: each has a recipient at the least.
    pub(super) fn messages_in_tls(
        &mut self,
        server: Server,
        count: u64,
        score: &mut Score,
        witness: Witness,
    ) {
        self.in_tls = true;
        self.add(server, count, score, witness);
    }

    fn add(&mut self, server: Server, count: u64, score: &mut Score, witness: Witness) {
        let now = witness.time;
        let key = hash(server.addr);
        if self.servers.len() >= SERVERS
            && !self.servers.contains_key(&key)
            && let Some((&silent, _)) = self.servers.iter().min_by_key(|(_, bulk)| bulk.newest)
        {
            self.servers.remove(&silent);
        }
        let bulk = self.servers.entry(key).or_default();
        for _ in 0..bulk.add(count, now).min(4) {
            score.add(Family::Relay, BURST, now);
            self.trail.note(witness, None);
        }
        self.most = self.most.max(bulk.count);
        if self.jump(count, score, now) {
            self.looked_up = false;
        }
    }

    /// It looked up the exchangers of a domain that it had not asked for within a day: of a host
    /// whose mail the tap does not see, that is a recipient.
    pub(super) fn domain(&mut self, score: &mut Score, witness: Witness) {
        if self.jump(1, score, witness.time) {
            self.looked_up = true;
            self.trail.note(witness, None);
        }
    }

    /// Holds so many recipients, of whatever servers, against the past; whether they stand out.
    fn jump(&mut self, count: u64, score: &mut Score, now: Timestamp) -> bool {
        let steps = self.all.add(count, now);
        if !self.all.has_past() || steps == 0 {
            return false;
        }
        if score.of(Family::Jump).sender <= 0.0 {
            self.jumped = 0;
        }
        self.jumped = self.jumped.max(self.all.count);
        for _ in 0..steps.min(4) {
            score.add(Family::Jump, JUMP, now);
        }
        true
    }

    /// A family of this rule in words, and the packets that show it.
    pub(super) fn explain(&self, family: Family) -> Option<(Trail, String)> {
        let what = match family {
            Family::Relay => format!("{} to one server", self.named(self.most)),
            Family::Jump if self.looked_up => {
                let domains = counted(self.jumped, "domain");
                format!("looked up the mail exchangers of {domains}")
            }
            Family::Jump => self.named(self.jumped),
            _ => return None,
        };
        let text = what + " within ten minutes";
        Some((self.trail.clone(), text))
    }

    fn named(&self, count: u64) -> String {
        if self.in_tls {
            format!(
                "handed over {} (estimated inside TLS)",
                counted(count, "message")
            )
        } else {
            format!("named {}", counted(count, "recipient"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;
    use crate::host::HostAddr;

    fn recipients(relay: &mut Relay, score: &mut Score, second: i64, count: u64) {
        let time = Timestamp::from_parts(second, 0);
        let origin = Origin::default();
        let addr = HostAddr::from_v4([192, 0, 2, 25]);
        let server = Server { addr, port: 25 };
        for _ in 0..count {
            relay.recipient(server, score, Witness { origin, time });
        }
    }

    #[test]
    fn a_round_mail_says_nothing_and_a_worm_goes_on() {
        let (mut relay, mut score) = (Relay::default(), Score::default());
        recipients(&mut relay, &mut score, 0, 19);
        recipients(&mut relay, &mut score, 3_600, 19);
        assert_eq!(score.of(Family::Relay), Against::default());
        for second in 0..100 {
            recipients(&mut relay, &mut score, 7_200 + second, 1);
        }
        // And still it could be a person's.
        assert!((6.9..9.0).contains(&score.of(Family::Relay).pc));
    }

    #[test]
    fn who_does_so_every_hour_is_held_against_that() {
        let (mut relay, mut score) = (Relay::default(), Score::default());
        for hour in 0..8 {
            for second in 0..60 {
                recipients(&mut relay, &mut score, hour * 3_600 + second, 1);
            }
        }
        let before = score.of(Family::Jump).sender;
        for second in 0..400 {
            recipients(&mut relay, &mut score, 9 * 3_600 + second, 1);
        }
        assert!(before < 0.5, "{before}");
        assert!(score.of(Family::Jump).sender > 2.3);
        // An hour later, one letter does not change what is told of it.
        recipients(&mut relay, &mut score, 11 * 3_600, 1);
        let told = relay.explain(Family::Jump).map(|(_, text)| text);
        assert_eq!(
            told.as_deref(),
            Some("named 400 recipients within ten minutes")
        );
    }
}
