//! The mail servers that a host turned to, and how each fared with it.
//!
//! A destination weighs once, by what it is at the time: when it becomes something else (one
//! that failed answers after all), the score moves by the difference. It counts for a day from
//! its first contact, is then forgotten and counts anew: were it kept for as long as it is
//! tried, the failing ones, which are tried again and again, would be left over at the bound.

use super::evidence::{Trail, Witness};
use super::fanout::hash;
use super::fares::{Answer, Fares, Of};
use super::score::Score;
use super::spam_fanout;
use super::suspect::{DAY, View};
use super::window::Window;
use crate::count::delta::{Outcome, Refusal, Server, What};
use crate::count::smtp::SmtpTotals;
use crate::decode::smtp::Defect;
use crate::host::HostAddr;
use crate::time::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Destinations kept; of more the ones met first leave. Some 60 octets each.
const BOUND: usize = 4_096;
/// Names kept of those in HELO, and of senders' domains; three are what matters.
const NAMES: usize = 64;
/// Servers that accepted a host's mail, and took it for no spammer, before that makes it a
/// sender: people's machines have a relay or two.
const ACCEPTING: u32 = 10;
/// Destinations named as examples.
const EXAMPLES: usize = 4;
/// The port between mail servers; the others are for people's mail programs, who meet other
/// manners there.
const BETWEEN_SERVERS: u16 = 25;

/// What a day's facts about a host's SMTP add up to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Peers {
    #[serde(with = "crate::sorted::map")]
    known: HashMap<u64, Peer, RandomState>,
    by_time: VecDeque<(Timestamp, u64)>,
    /// Sums over the destinations.
    pub tally: Tally,
    /// Destinations for example, the first that were met.
    pub examples: Vec<HostAddr>,
    sender: bool,
    /// How its mail fares between servers, and fared before.
    pub(super) fares: Fares,
    /// Names in HELO between servers.
    pub helo: Window,
    /// Registrable domains of senders between servers.
    pub senders: Window,
    /// What was wrong between servers, and when it was seen last.
    defects: BTreeMap<Defect, Timestamp>,
    /// Witnesses of new destinations.
    pub fan_trail: Trail,
    /// Witnesses of failed connections.
    pub fail_trail: Trail,
    /// Witnesses of refusals.
    pub rej_trail: Trail,
    /// Witnesses of messages that were handed over.
    pub mail_trail: Trail,
    /// Witnesses of defects and of names that change.
    pub proto_trail: Trail,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            known: HashMap::default(),
            by_time: VecDeque::new(),
            tally: Tally::default(),
            examples: Vec::new(),
            sender: false,
            fares: Fares::new(Of::Mail),
            helo: Window::new(DAY, NAMES),
            senders: Window::new(DAY, NAMES),
            defects: BTreeMap::new(),
            fan_trail: Trail::default(),
            fail_trail: Trail::default(),
            rej_trail: Trail::default(),
            mail_trail: Trail::default(),
            proto_trail: Trail::default(),
        }
    }
}

/// One destination.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "marks that are set one by one"
)]
pub(super) struct Peer {
    pub(super) between_servers: bool,
    pub(super) submission: bool,
    pub(super) reached: bool,
    pub(super) failed: bool,
    pub(super) mailed: bool,
    no_quit: bool,
    /// It refused a login, as far as can be seen, and accepted none.
    pub(super) login_failed: bool,
    /// It accepted a login.
    pub(super) login: bool,
    /// It was handed a message.
    pub(super) handed: bool,
    /// Between servers: it got an envelope and no message, where its replies cannot be read.
    took_nothing: bool,
    /// Messages that it was handed there before the host's mail had a past.
    taken_unread: u16,
    /// Hours in which it accepted a message last, and refused one for good.
    answered: [Option<i32>; 2],
    accepted: u16,
    blocked: u16,
    unknown: u16,
    refused: u16,
    deferred: u16,
}

/// A destination before and after something was learned of it.
pub(super) struct Moved {
    /// `None`: it was not known.
    pub(super) before: Option<Peer>,
    pub(super) after: Peer,
}

/// How many destinations there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Turned to on port 25.
    pub between_servers: u32,
    /// Turned to on another mail port.
    pub submission: u32,
    /// That answered.
    pub reached: u32,
    /// That refused the connection or were silent, and never answered.
    pub failed: u32,
    /// That were handed a sender on port 25.
    pub mailed: u32,
    /// Of those, left without QUIT.
    pub no_quit: u32,
    /// That were handed a message.
    pub handed: u32,
    /// That refuse less than a fifth of what they are handed, and accepted some; where replies
    /// cannot be read, by what was handed over.
    pub accepted: u32,
    /// That refuse more, since they take the host for a spammer.
    pub blocked: u32,
    /// That refuse more, of recipients they do not know.
    pub unknown: u32,
    /// That refuse more, for other reasons and for good (5xx).
    pub refused: u32,
    /// That accepted nothing and said "not now" (4xx).
    pub deferred: u32,
    /// That got an envelope and no message, where their replies cannot be read.
    pub took_nothing: u32,
    /// That refused a login and accepted none.
    pub login_failed: u32,
}

/// How a server answers what it is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    Accepted,
    Blocked,
    Unknown,
    Refused,
    Deferred,
    /// Its replies cannot be read, so that it may be any of the others.
    TookNothing,
    Nothing,
}

impl Peer {
    /// A big provider's server sees some refusals of any sender: what counts is whether they
    /// are more than a fifth. Of what it said inside TLS, or out of sight, nothing else is asked
    /// than whether it took any mail: who put the host off takes it later.
    pub(super) fn answers(&self) -> Answers {
        let no = u32::from(self.blocked) + u32::from(self.unknown) + u32::from(self.refused);
        let accepted = u32::from(self.accepted) + u32::from(self.taken_unread);
        if no * 4 > accepted {
            if self.blocked > 0 {
                Answers::Blocked
            } else if self.unknown > 0 {
                Answers::Unknown
            } else {
                Answers::Refused
            }
        } else if accepted > 0 {
            Answers::Accepted
        } else if self.took_nothing && !self.handed {
            Answers::TookNothing
        } else if self.deferred > 0 {
            Answers::Deferred
        } else {
            Answers::Nothing
        }
    }
}

impl Tally {
    /// Servers that refuse its mail for good.
    #[must_use]
    pub fn refusing(&self) -> u32 {
        self.blocked + self.unknown + self.refused
    }

    fn shift(&mut self, peer: &Peer, by: i32) {
        let mut count = |counts: bool, slot: fn(&mut Self) -> &mut u32| {
            if counts {
                let slot = slot(self);
                *slot = slot.saturating_add_signed(by);
            }
        };
        count(peer.between_servers, |t| &mut t.between_servers);
        count(peer.submission, |t| &mut t.submission);
        count(peer.reached, |t| &mut t.reached);
        count(peer.failed && !peer.reached, |t| &mut t.failed);
        count(peer.mailed, |t| &mut t.mailed);
        count(peer.mailed && peer.no_quit, |t| &mut t.no_quit);
        count(peer.handed, |t| &mut t.handed);
        count(peer.login_failed && !peer.login, |t| &mut t.login_failed);
        match peer.answers() {
            Answers::Accepted => count(true, |t| &mut t.accepted),
            Answers::Blocked => count(true, |t| &mut t.blocked),
            Answers::Unknown => count(true, |t| &mut t.unknown),
            Answers::Refused => count(true, |t| &mut t.refused),
            Answers::Deferred => count(true, |t| &mut t.deferred),
            Answers::TookNothing => count(true, |t| &mut t.took_nothing),
            Answers::Nothing => {}
        }
    }
}

impl Peers {
    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        let trails = [
            &self.fan_trail,
            &self.fail_trail,
            &self.rej_trail,
            &self.proto_trail,
            &self.mail_trail,
        ];
        self.known.len() * (size_of::<(u64, Peer)>() * 3 / 2 + size_of::<(Timestamp, u64)>())
            + size_of_val(&*self.examples)
            + self.fares.octets()
            + self.helo.octets()
            + self.senders.octets()
            + self.defects.len() * size_of::<(Defect, Timestamp)>()
            + trails.map(Trail::octets).iter().sum::<usize>()
    }

    /// Takes in a fact about SMTP, others are none of its business; and moves the score.
    pub fn learn(&mut self, what: What, witness: Witness, view: View, score: &mut Score) {
        let now = witness.time;
        let mut change = |peers: &mut Self, server: Server, change: &dyn Fn(&mut Peer)| {
            let moved = peers.change(server, now, change);
            spam_fanout::step(score, &moved, &peers.tally, view, now);
            moved.before.is_none()
        };
        if let What::Attempt(server) = what
            && change(self, server, &|_| ())
        {
            self.fan_trail.note(witness, None);
        }
        match what {
            What::Outcome(server, outcome) => {
                change(self, server, &|peer| match outcome {
                    Outcome::Established => peer.reached = true,
                    Outcome::Refused | Outcome::Unanswered => peer.failed = true,
                });
                if outcome != Outcome::Established {
                    self.fail_trail.note(witness, None);
                }
            }
            What::Helo { server, name } => {
                // It speaks when it is greeted, whether or not the greeting was seen.
                change(self, server, &|peer| peer.reached = true);
                if server.port == BETWEEN_SERVERS && self.helo.touch(name, now).0.is_none() {
                    self.proto_trail.note(witness, None);
                }
            }
            What::Mail { server, domain } => {
                change(self, server, &|peer| {
                    peer.mailed |= server.port == BETWEEN_SERVERS;
                });
                if server.port == BETWEEN_SERVERS
                    && let Some(domain) = domain
                {
                    self.senders.touch(domain, now);
                }
            }
            What::Refusal {
                server,
                code,
                cause,
            } => {
                change(self, server, &|peer| {
                    let count = match (cause, code) {
                        (Refusal::Blocked, _) => &mut peer.blocked,
                        (Refusal::UnknownUser, _) => &mut peer.unknown,
                        (Refusal::Other, 500..) => &mut peer.refused,
                        (Refusal::Other, _) => &mut peer.deferred,
                    };
                    *count = count.saturating_add(1);
                });
                if cause == Refusal::Blocked {
                    self.answer(server, Answer::Blocked, witness, score);
                } else if cause == Refusal::UnknownUser || code >= 500 {
                    self.answer(server, Answer::Refused, witness, score);
                }
                self.rej_trail.note(witness, None);
            }
            What::TlsMessages { server, count } => {
                self.unread(server, count, witness, view, score);
            }
            What::NothingInTls { server } => self.unread(server, 0, witness, view, score),
            What::OneSided { server, handed } => {
                self.unread(server, handed.into(), witness, view, score);
            }
            What::Auth {
                server,
                accepted: Some(accepted),
            } => {
                change(self, server, &|peer| {
                    peer.login_failed |= !accepted;
                    peer.login |= accepted;
                });
                if !accepted {
                    self.rej_trail.note(witness, None);
                }
            }
            What::Message { server, accepted } => {
                change(self, server, &|peer| {
                    peer.handed = true;
                    peer.accepted = peer.accepted.saturating_add(accepted.into());
                });
                self.mail_trail.note(witness, None);
                if accepted {
                    self.answer(server, Answer::Accepted, witness, score);
                }
            }
            What::Defect { server, defect } => {
                change(self, server, &|peer| {
                    peer.no_quit |= defect == Defect::NoQuit && server.port == BETWEEN_SERVERS;
                });
                if server.port == BETWEEN_SERVERS {
                    let last = self.defects.insert(defect, now);
                    if last.is_none() {
                        self.proto_trail.note(witness, None);
                    }
                }
            }
            _ => {}
        }
    }

    /// A server whose replies cannot be read took so many messages; none of an envelope that it
    /// got, or with a login that it did not accept.
    fn unread(
        &mut self,
        server: Server,
        count: u32,
        witness: Witness,
        view: View,
        score: &mut Score,
    ) {
        let between_servers = server.port == BETWEEN_SERVERS;
        // An attacker writes in the name of a server whose mail was always taken; so where there
        // is a past, it is judged by that alone.
        let past = self.fares.has_past();
        let moved = self.change(server, witness.time, &|peer| {
            let taken = count > 0;
            peer.handed |= taken;
            if !between_servers {
                peer.login |= taken;
                peer.login_failed |= !taken;
            } else if !taken {
                peer.took_nothing = true;
            } else if !past {
                let count = u16::try_from(count).unwrap_or(u16::MAX);
                peer.taken_unread = peer.taken_unread.saturating_add(count);
            }
        });
        spam_fanout::step(score, &moved, &self.tally, view, witness.time);
        if count > 0 {
            self.mail_trail.note(witness, None);
            self.answer(server, Answer::Accepted, witness, score);
        } else {
            self.answer(server, Answer::Refused, witness, score);
            self.rej_trail.note(witness, None);
        }
    }

    /// A server's first acceptance, or refusal that says why or is for good, of an hour.
    fn answer(&mut self, server: Server, answer: Answer, witness: Witness, score: &mut Score) {
        let hour = i32::try_from(witness.time.second().div_euclid(3_600)).ok();
        if server.port == BETWEEN_SERVERS
            && let Some(peer) = self.known.get_mut(&hash(server.addr))
            && let Some(last) = peer
                .answered
                .get_mut(usize::from(answer != Answer::Accepted))
            && *last != hour
        {
            *last = hour;
            self.fares.answer(answer, witness, score);
        }
    }

    /// Changes what is known of a server.
    fn change(&mut self, server: Server, now: Timestamp, change: &dyn Fn(&mut Peer)) -> Moved {
        let key = hash(server.addr);
        let before = self.known.get(&key).copied();
        if before.is_none() {
            if self.known.len() >= BOUND {
                self.forget_first();
            }
            self.by_time.push_back((now, key));
            if self.examples.len() < EXAMPLES {
                self.examples.push(server.addr);
            }
        }
        let peer = self.known.entry(key).or_default();
        self.tally.shift(peer, -1);
        if server.port == BETWEEN_SERVERS {
            peer.between_servers = true;
        } else {
            peer.submission = true;
        }
        change(peer);
        self.tally.shift(peer, 1);
        Moved {
            before,
            after: *peer,
        }
    }

    /// Takes in the servers that another address of the host turned to; one that both did stays
    /// as it is known here.
    pub(super) fn merge(&mut self, other: &Self) {
        for (time, key) in &other.by_time {
            let Some(peer) = other.known.get(key) else {
                continue;
            };
            if !self.known.contains_key(key) {
                self.known.insert(*key, *peer);
                self.tally.shift(peer, 1);
                self.by_time.push_back((*time, *key));
            }
        }
        self.by_time.make_contiguous().sort_unstable();
        while self.known.len() > BOUND {
            self.forget_first();
        }
        for addr in &other.examples {
            if self.examples.len() < EXAMPLES && !self.examples.contains(addr) {
                self.examples.push(*addr);
            }
        }
        self.sender |= other.sender;
        self.fares.merge(&other.fares);
        self.helo.merge(&other.helo);
        self.senders.merge(&other.senders);
        for (defect, time) in &other.defects {
            let last = self.defects.entry(*defect).or_insert(*time);
            *last = (*last).max(*time);
        }
        self.fan_trail.merge(&other.fan_trail);
        self.fail_trail.merge(&other.fail_trail);
        self.rej_trail.merge(&other.rej_trail);
        self.mail_trail.merge(&other.mail_trail);
        self.proto_trail.merge(&other.proto_trail);
    }

    /// Whether it delivers mail by trade, and is welcome; who was stays one until it is not.
    #[must_use]
    pub fn is_sender(&self) -> bool {
        self.sender
    }

    fn decide(&mut self) {
        let Tally {
            accepted,
            failed,
            reached,
            ..
        } = self.tally;
        let refusing = self.tally.refusing() + self.tally.took_nothing;
        self.sender = if self.sender {
            refusing * 4 <= accepted + 4
        } else {
            accepted >= ACCEPTING
                && refusing * 10 <= accepted
                && failed * 5 <= reached
                && !spam_fanout::breaks_off(&self.tally)
                && self.helo.len() <= 2
        };
    }

    /// Sets what its manners weigh, by its counters.
    pub(super) fn weigh(&mut self, score: &mut Score, smtp: &SmtpTotals) {
        self.decide();
        spam_fanout::weigh_manners(score, self, smtp);
    }

    fn forget_first(&mut self) {
        if let Some((_, key)) = self.by_time.pop_front()
            && let Some(peer) = self.known.remove(&key)
        {
            self.tally.shift(&peer, -1);
        }
    }

    /// Drops what lies more than a day behind `now`.
    pub fn expire(&mut self, now: Timestamp) {
        let gone = |time: Timestamp| now.nanos_since(time) > DAY;
        while self.by_time.front().is_some_and(|(time, _)| gone(*time)) {
            self.forget_first();
        }
        if self.known.is_empty() {
            self.examples.clear();
        }
        self.helo.expire(now);
        self.senders.expire(now);
        self.defects.retain(|_, last| !gone(*last));
    }

    /// What was wrong between servers within the last day.
    pub fn defects(&self) -> impl Iterator<Item = Defect> + '_ {
        self.defects.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;

    /// What came of servers, by number, one a second.
    fn peers(servers: std::ops::Range<u16>, outcome: Outcome) -> Peers {
        let mut peers = Peers::default();
        for number in servers {
            let time = Timestamp::from_parts(number.into(), 0);
            let witness = Witness {
                origin: Origin::default(),
                time,
            };
            let [high, low] = number.to_be_bytes();
            let addr = HostAddr::from_v4([198, 51, high, low]);
            let server = Server { addr, port: 25 };
            for what in [What::Attempt(server), What::Outcome(server, outcome)] {
                peers.learn(what, witness, View::default(), &mut Score::default());
            }
        }
        peers
    }

    #[test]
    fn two_memories_put_together_count_each_server_once() {
        let mut mine = peers(0..30, Outcome::Established);
        mine.merge(&peers(20..50, Outcome::Refused));
        let Tally {
            between_servers,
            reached,
            failed,
            ..
        } = mine.tally;
        assert_eq!((between_servers, reached, failed), (50, 30, 20));
        assert_eq!(mine.examples.len(), EXAMPLES);
        // Each is forgotten a day after it was met, whoever met it.
        mine.expire(Timestamp::from_parts(86_400 + 35, 0));
        assert_eq!(mine.tally.between_servers, 15);
        mine.expire(Timestamp::from_parts(86_400 + 50, 0));
        assert_eq!(mine.tally, Tally::default());
        // At the bound those met first leave.
        let mut mine = peers(0..4_000, Outcome::Established);
        mine.merge(&peers(3_900..4_200, Outcome::Refused));
        assert_eq!(mine.known.len(), BOUND);
        assert_eq!(mine.tally.between_servers as usize, BOUND);
        assert_eq!(mine.tally.failed, 200);
    }
}
