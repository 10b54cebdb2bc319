//! What correlation remembers of a host that makes mail lookups or opens mail connections.

use super::addresses::Addresses;
use super::evidence::{Family, Trail, Witness};
use super::fanout::Fanout;
use super::fares::{Answer, Fares, Of};
use super::peers::Peers;
use super::relay::Relay;
use super::score::{Against, Score};
use super::server::ServerTest;
use super::window::Window;
use super::{follow, gen2, gen3, irc};
use crate::count::delta::{Delta, Domain, Fact, What};
use crate::count::host::{HostTotals, Label};
use crate::count::series::Sums;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use crate::verdict::Class;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Span over which domains count as evidence.
pub const DAY: i64 = 86_400 * NANOS;
/// An MX lookup explains address lookups of the mail hosts it led to for this long.
pub(super) const HOUR: i64 = 3_600 * NANOS;
/// A query for the same name within this span is a stub resolver's retry (glibc and Windows
/// ask again after 1 to 5 s).
const RETRY: i64 = 5 * NANOS;
/// Two keywords tried on one domain within this span make a sweep.
const SWEEP: i64 = 10 * NANOS;
/// Where no MX replies are seen, address lookups this soon after an MX lookup are taken for
/// its consequence.
const FOLLOWS: i64 = 5 * NANOS;
/// Domains and names of a kind that are kept per host; a busy mail server asks some thousand
/// domains a day.
const BOUND: usize = 8192;
/// The same of what is only compared with some dozen.
const FEW: usize = 1024;
/// Samples of a host's sums, one an hour, for shares over the last day.
const SAMPLES: usize = 25;

/// What is known of the tap when a fact comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Mail connections of anybody were in sight within the last day: that a host makes none
    /// means something.
    pub smtp: bool,
    /// What the host's mail servers answer is in sight: that they are silent means something.
    pub answers: bool,
}

/// The mail lookups and the SMTP of one host, as facts come in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Suspect {
    /// What all of it weighs.
    pub score: Score,
    /// Registrable domains asked for by MX in the last day; whether that failed.
    pub mx: Window<MxDomain>,
    /// Those asked for more than once.
    pub mx_again: Window,
    /// Those of which there were replies.
    pub mx_answered: Window,
    /// Those of which one was negative.
    pub mx_failed: Window,
    /// Witnesses of new MX domains.
    pub mx_trail: Trail,
    /// How many of the domains take mail, and took it before.
    pub(super) takes: Fares,
    /// Whether its lookups are those of a mail server.
    pub server: ServerTest,
    /// Domains with keyword lookups of no MX lookup's making, in the last day.
    pub mail_hosts: Window<MailHosts>,
    /// Those of them that were never asked for by MX at all, in the last day.
    pub unasked: Window,
    /// Domains with keyword lookups that an MX lookup explains, in the last day.
    pub led: Window,
    /// The names of those lookups, in the last day.
    pub mail_host_names: Window,
    /// Lookups of such a name that was asked for within the day before, retries left out.
    pub mail_hosts_again: u64,
    /// Witnesses of new domains in `mail_hosts`.
    pub kwa_trail: Trail,
    /// Domains in which keywords were tried in turn, in the last day.
    pub swept: Window,
    /// Witnesses of those.
    pub sweep_trail: Trail,
    /// Mail hosts asked for by keyword of which there were replies, in the last day.
    pub answered: Window,
    /// Those of which one was negative.
    pub failed: Window,
    /// Witnesses of those.
    pub failed_trail: Trail,
    /// The mail servers that it turned to.
    pub peers: Peers,
    /// What it is if it turns to port 25 itself, once it has.
    pub direct: Option<Class>,
    /// Its attempts to reach them, over time.
    pub fanout: Fanout,
    /// The recipients that it names.
    pub relay: Relay,
    /// Chat servers that it is registered at.
    pub irc: irc::Chat,
    /// Whether its mail connections follow its mail lookups.
    pub follow: follow::Follow,
    /// Names that MX replies gave it.
    exchangers: Window,
    /// Time of its newest MX query.
    last_mx: Option<Timestamp>,
    /// Whether it was seen to get MX replies.
    mx_replies: bool,
    /// Some of its lookups cannot be read: it uses DNS inside TLS or QUIC.
    hides_dns: bool,
    /// Its addresses, and what was counted of them.
    pub(super) addresses: Addresses,
    /// Sums of its A queries, an hour apart.
    samples: VecDeque<(i64, Sums)>,
}

/// What is known of a domain asked for by MX.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct MxDomain {
    failed: bool,
}

/// What is known of a domain in which mail hosts were guessed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MailHosts {
    label: Option<(Label, Timestamp)>,
}

impl Default for Suspect {
    fn default() -> Self {
        Self {
            score: Score::default(),
            mx: Window::new(DAY, BOUND),
            mx_again: Window::new(DAY, FEW),
            mx_answered: Window::new(DAY, BOUND),
            mx_failed: Window::new(DAY, BOUND),
            mx_trail: Trail::default(),
            takes: Fares::new(Of::Domains),
            server: ServerTest::default(),
            mail_hosts: Window::new(DAY, BOUND),
            unasked: Window::new(DAY, FEW),
            led: Window::new(DAY, FEW),
            mail_host_names: Window::new(DAY, BOUND),
            mail_hosts_again: 0,
            kwa_trail: Trail::default(),
            swept: Window::new(DAY, FEW),
            sweep_trail: Trail::default(),
            answered: Window::new(DAY, BOUND),
            failed: Window::new(DAY, BOUND),
            failed_trail: Trail::default(),
            peers: Peers::default(),
            direct: None,
            fanout: Fanout::default(),
            relay: Relay::default(),
            irc: irc::Chat::default(),
            follow: follow::Follow::default(),
            exchangers: Window::new(HOUR, FEW),
            last_mx: None,
            mx_replies: false,
            hides_dns: false,
            addresses: Addresses::default(),
            samples: VecDeque::new(),
        }
    }
}

impl Suspect {
    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        let windows = [
            &self.mx_again,
            &self.mx_answered,
            &self.mx_failed,
            &self.unasked,
            &self.led,
            &self.mail_host_names,
            &self.swept,
            &self.answered,
            &self.failed,
            &self.exchangers,
        ];
        let trails = [
            &self.mx_trail,
            &self.kwa_trail,
            &self.sweep_trail,
            &self.failed_trail,
        ];
        self.mx.octets()
            + self.mail_hosts.octets()
            + windows.map(Window::octets).iter().sum::<usize>()
            + trails.map(Trail::octets).iter().sum::<usize>()
            + self.server.octets()
            + self.takes.octets()
            + self.peers.octets()
            + self.fanout.octets()
            + self.relay.octets()
            + self.irc.octets()
            + self.addresses.octets()
            + self.samples.len() * size_of::<(i64, Sums)>()
    }

    /// Takes in a fact. `delta` is the one that the fact stands in, `view` what is known of
    /// the tap.
    pub fn learn(&mut self, fact: &Fact, delta: &Delta, view: View) {
        let now = fact.time;
        let witness = Witness::of(fact);
        match fact.what {
            What::Attempt(server) => {
                self.fanout.attempt(now, server);
                self.follow.attempt(&mut self.score, witness, now);
                self.mail(fact.what, witness, view);
            }
            What::Outcome(server, outcome) => {
                self.fanout.outcome(now, server, outcome);
                self.mail(fact.what, witness, view);
            }
            What::Helo { .. }
            | What::Mail { .. }
            | What::Refusal { .. }
            | What::Message { .. }
            | What::Auth { .. }
            | What::NothingInTls { .. }
            | What::OneSided { .. }
            | What::Defect { .. } => self.mail(fact.what, witness, view),
            What::Recipient { server } => {
                self.relay.recipient(server, &mut self.score, witness);
            }
            What::TlsMessages { server, count } => {
                let count = count.into();
                self.relay
                    .messages_in_tls(server, count, &mut self.score, witness);
                self.mail(fact.what, witness, view);
            }
            What::Irc { server, joined } => {
                self.irc.learn(server, joined, witness);
            }
            What::AnswersDns
            | What::Tls { .. }
            | What::Mailbox { .. }
            | What::HiddenDns { .. }
            | What::InboundAttempt { .. }
            | What::ServesSmtp { .. }
            | What::InboundMail { .. }
            | What::Backscatter { .. }
            | What::Resolves => {}
            What::MxQuery(domain) => {
                let (before, _) = self.mx.touch(domain.hash, now);
                self.last_mx = Some(now);
                if before.is_some_and(|before| now.nanos_since(before) < RETRY) {
                    return;
                }
                self.server.mx_query();
                self.lookup(now, view);
                if before.is_none() {
                    self.mx_trail.note(witness, Some(delta.domain(domain)));
                    self.score.add(Family::Mx, gen2::NEW_DOMAIN, now);
                } else if before.is_some_and(|before| now.nanos_since(before) >= gen2::NEXT)
                    && self.mx_again.touch(domain.hash, now).0.is_none()
                {
                    self.score.add(Family::Again, gen2::AGAIN, now);
                }
            }
            What::MxReply { domain, failed } => self.mx_reply(domain, failed, now, witness),
            What::Exchanger { name } => {
                self.exchangers.touch(name, now);
            }
            What::MailHostQuery {
                domain,
                name,
                label,
            } => {
                if self.is_led(domain.hash, name, now) {
                    self.led.touch(domain.hash, now);
                } else {
                    self.guess(domain, name, label, fact, delta, view);
                }
            }
            What::MailHostReply { name, failed } => self.guess_reply(name, failed, now, witness),
            What::ServerLookup { lookup, name } => {
                self.server.lookup(lookup, name, now);
            }
        }
    }

    fn mail(&mut self, what: What, witness: Witness, view: View) {
        self.peers.learn(what, witness, view, &mut self.score);
    }

    /// A lookup after which an engine would connect.
    fn lookup(&mut self, now: Timestamp, view: View) {
        let own = self.sends();
        self.follow.lookup(&mut self.score, now, view.smtp, own);
    }

    /// Whether mail connections of its own to port 25 were in sight within a day.
    #[must_use]
    pub(super) fn sends(&self) -> bool {
        self.peers.tally.between_servers > 0
    }

    fn mx_reply(&mut self, domain: u64, failed: bool, now: Timestamp, witness: Witness) {
        self.mx_replies = true;
        let Some(known) = self.mx.get_mut(domain, now) else {
            return;
        };
        known.failed = failed;
        let new = self.mx_answered.touch(domain, now).0.is_none();
        let counts = self.mx_answered.len() > gen2::BY_HAND;
        let answer = match (failed, new) {
            (true, _) if self.mx_failed.get(domain, now).is_none() => Some(Answer::Refused),
            (false, true) => Some(Answer::Accepted),
            _ => None,
        };
        if let Some(answer) = answer {
            self.takes.answer(answer, witness, &mut self.score);
        }
        if new && !self.sends() {
            self.relay.domain(&mut self.score, witness);
        }
        if failed && self.mx_failed.touch(domain, now).0.is_none() {
            self.failed_trail.note(witness, None);
            if counts {
                self.score
                    .add(Family::FailingAnswers, gen2::NO_EXCHANGER, now);
            }
        } else if new && counts && !failed {
            self.score
                .add(Family::FailingAnswers, gen2::HAS_EXCHANGER, now);
        }
    }

    /// A lookup of a mail host that nothing led to.
    fn guess(
        &mut self,
        domain: Domain,
        name: u64,
        label: Label,
        fact: &Fact,
        delta: &Delta,
        view: View,
    ) {
        let (now, witness) = (fact.time, Witness::of(fact));
        if self.mx.get(domain.hash, now).is_none() {
            self.unasked.touch(domain.hash, now);
        }
        let (asked, ()) = self.mail_host_names.touch(name, now);
        if asked.is_some_and(|asked| now.nanos_since(asked) >= RETRY) {
            self.mail_hosts_again += 1;
        }
        let (before, known) = self.mail_hosts.touch(domain.hash, now);
        let sweep = known.label.is_some_and(|(label_before, time)| {
            keyword(&label_before) != keyword(&label)
                && now.nanos_since(time) <= SWEEP
                && !is_name_server(&label)
                && !is_name_server(&label_before)
        });
        known.label = Some((label, now));
        let own = self.mail_hosts.len() <= gen3::OWN_DOMAINS;
        if before.is_none() {
            self.kwa_trail.note(witness, Some(delta.domain(domain)));
            self.lookup(now, view);
            if !own {
                self.score.add(Family::Kwa, gen3::NEW_DOMAIN, now);
            }
        }
        if sweep && self.swept.touch(domain.hash, now).0.is_none() {
            self.sweep_trail.note(witness, Some(delta.domain(domain)));
            if self.swept.len() > gen3::OWN_DOMAINS {
                self.score.add(Family::LabelSweep, gen3::SWEPT, now);
            }
        }
    }

    fn guess_reply(&mut self, name: u64, failed: bool, now: Timestamp, witness: Witness) {
        // Of lookups that MX led to, the answer is no sign of guessing.
        if self.mail_host_names.get(name, now).is_none() {
            return;
        }
        let new = self.answered.touch(name, now).0.is_none();
        let counts = self.mail_hosts.len() > gen3::OWN_DOMAINS;
        if failed && self.failed.touch(name, now).0.is_none() {
            self.failed_trail.note(witness, None);
            if counts {
                self.score.add(Family::FailingAnswers, gen3::NO_HOST, now);
            }
        } else if new && counts && !failed {
            self.score.add(Family::FailingAnswers, gen3::IS_HOST, now);
        }
    }

    /// Sets the families that are states: what the host is like by its counters.
    pub fn weigh(&mut self, totals: &HostTotals) {
        // What is asked out of sight may be just what is missing.
        let server = self.server.weight(self.sends());
        let most = if self.hides_dns { 0.0 } else { f64::MAX };
        let server = Against::each(0.0, server.min(most), 0.0);
        let asks_mx = self.server.mx_queries > 0;
        self.score.set(
            Family::NoServerLookups,
            if asks_mx { server } else { Against::default() },
        );
        let shown = gen3::Shown {
            domains: self.mail_hosts.len(),
            names: self.mail_host_names.len(),
        };
        let day = self.day();
        gen3::weigh_day(&mut self.score, shown, &day);
        self.peers.weigh(&mut self.score, &totals.smtp);
        self.score.set(Family::Irc, self.irc.weigh());
        self.score
            .set(Family::Client, super::client::weigh(self.addresses.https()));
    }

    /// Whether an MX lookup of the last hour explains this lookup of a mail host: its domain
    /// was asked for by MX and not found wanting, or an MX reply named it.
    fn is_led(&self, domain: u64, name: u64, now: Timestamp) -> bool {
        let asked = self
            .mx
            .get(domain, now)
            .is_some_and(|(last, known)| now.nanos_since(last) <= HOUR && !known.failed);
        let named = || self.exchangers.get(name, now).is_some();
        let follows = || {
            !self.mx_replies
                && self
                    .last_mx
                    .is_some_and(|last| now.nanos_since(last) <= FOLLOWS)
        };
        asked || named() || follows()
    }

    /// Takes in the counters of one of the host's addresses at the end of a second.
    pub fn sample(&mut self, second: i64, host: HostAddr, totals: &HostTotals) {
        let fresh = self.samples.is_empty();
        // A host known for less than a day is judged by all it did.
        let known = totals
            .first
            .is_some_and(|first| second - first.second() > 86_400);
        let now = Timestamp::from_parts(second, 0);
        self.addresses.count(host, totals, fresh || !known, now);
        self.hides_dns |= totals.dns_hidden == Some(true);
        let sums = self.addresses.sums();
        if fresh {
            let start = if known { sums } else { Sums::default() };
            // Of most hosts there is one.
            self.samples.reserve_exact(1);
            self.samples.push_back((second, start));
        } else if self
            .samples
            .back()
            .is_some_and(|(last, _)| second - last >= 3_600)
        {
            self.samples.push_back((second, sums));
        }
        // The front is the newest sample that is a day old, or the oldest there is.
        while self.samples.len() > SAMPLES
            || self
                .samples
                .get(1)
                .is_some_and(|(next, _)| second - next >= 86_400)
        {
            self.samples.pop_front();
        }
    }

    /// The host's A queries over about the last day, from all its addresses.
    #[must_use]
    pub fn day(&self) -> Sums {
        let start = self.samples.front();
        let start = start.map_or_else(Sums::default, |(_, sums)| *sums);
        self.addresses.sums().since(start)
    }

    /// Takes in what was kept of the same host under another address. Recipients in bulk stay
    /// those of this one.
    pub fn merge(&mut self, other: Self) {
        self.addresses.merge(&other.addresses, other.day());
        self.score.merge(&other.score);
        self.mx.merge(&other.mx);
        self.mail_hosts.merge(&other.mail_hosts);
        for (mine, theirs) in [
            (&mut self.mx_again, &other.mx_again),
            (&mut self.mx_answered, &other.mx_answered),
            (&mut self.mx_failed, &other.mx_failed),
            (&mut self.unasked, &other.unasked),
            (&mut self.led, &other.led),
            (&mut self.mail_host_names, &other.mail_host_names),
            (&mut self.swept, &other.swept),
            (&mut self.answered, &other.answered),
            (&mut self.failed, &other.failed),
            (&mut self.exchangers, &other.exchangers),
        ] {
            mine.merge(theirs);
        }
        for (mine, theirs) in [
            (&mut self.mx_trail, &other.mx_trail),
            (&mut self.kwa_trail, &other.kwa_trail),
            (&mut self.sweep_trail, &other.sweep_trail),
            (&mut self.failed_trail, &other.failed_trail),
        ] {
            mine.merge(theirs);
        }
        self.mail_hosts_again += other.mail_hosts_again;
        self.takes.merge(&other.takes);
        self.server.merge(&other.server);
        self.peers.merge(&other.peers);
        self.fanout.merge(other.fanout);
        self.irc.merge(&other.irc);
        self.follow.merge(&other.follow);
        self.direct = self.direct.or(other.direct);
        self.last_mx = self.last_mx.max(other.last_mx);
        self.mx_replies |= other.mx_replies;
        self.hides_dns |= other.hides_dns;
    }

    /// Whether it has shown anything that a verdict can begin with: content that weighs something,
    /// or what is worth a line by policy. Conduct alone comes to no level ([`super::ALONE`]).
    pub(super) fn shows_content(&self) -> bool {
        let mut content = Family::ALL.into_iter().filter(|family| family.is_content());
        !self.mx.is_empty()
            || self.direct.is_some()
            || content.any(|family| self.score.of(family).most() > 0.0)
    }

    /// Whether somebody uses the machine as people use PCs.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.score.of(Family::Client) != Against::default()
    }

    /// Drops what lies more than a window behind `now`.
    pub fn expire(&mut self, now: Timestamp) {
        self.score.advance(now);
        self.mx.expire(now);
        self.mx_again.expire(now);
        self.mx_answered.expire(now);
        self.mx_failed.expire(now);
        self.mail_hosts.expire(now);
        self.unasked.expire(now);
        self.mail_host_names.expire(now);
        self.led.expire(now);
        self.swept.expire(now);
        self.answered.expire(now);
        self.failed.expire(now);
        self.peers.expire(now);
        self.irc.expire(now);
        // Witnesses are of what is still held against the host.
        if self.mx.is_empty() {
            self.mx_trail = Trail::default();
        }
        if self.mail_hosts.is_empty() {
            (self.kwa_trail, self.sweep_trail) = (Trail::default(), Trail::default());
        }
        if self.failed.is_empty() && self.mx_failed.is_empty() {
            self.failed_trail = Trail::default();
        }
    }
}

/// A label without its number: `mx1` and `mx-2` are one keyword.
fn keyword(label: &Label) -> &[u8] {
    let text = label.text();
    let end = text
        .iter()
        .rposition(|octet| !octet.is_ascii_digit() && *octet != b'-');
    text.get(..end.map_or(0, |end| end + 1)).unwrap_or_default()
}

/// `ns` and `ns1` also name the servers of the DNS itself.
fn is_name_server(label: &Label) -> bool {
    label
        .text()
        .strip_prefix(b"ns")
        .is_some_and(|rest| rest.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::series::Bin;

    const ME: HostAddr = HostAddr::from_v6([7; 16]);
    const OTHER: HostAddr = HostAddr::from_v6([8; 16]);

    fn totals(first: i64, seconds: std::ops::Range<i64>, bin: Bin) -> HostTotals {
        let mut totals = HostTotals {
            first: Some(Timestamp::from_parts(first, 0)),
            ..HostTotals::default()
        };
        for second in seconds {
            totals.sums.add(second, bin);
        }
        totals
    }

    #[test]
    fn a_host_that_was_evicted_and_came_back_is_counted_anew() {
        let many = Bin {
            t: 9,
            exact: 1,
            ..Bin::default()
        };
        let few = Bin {
            t: 3,
            exact: 3,
            ..Bin::default()
        };
        let mut suspect = Suspect::default();
        // Known for two days, so that the day begins with sums.
        suspect.sample(200_000, ME, &totals(0, 0..5_000, many));
        assert_eq!(suspect.day().t, 0);
        // Evicted since: the sums are smaller than those that the day began with.
        let back = totals(200_100, 200_100..200_110, few);
        suspect.sample(200_110, ME, &back);
        let day = suspect.day();
        assert_eq!((day.t, day.keyword.k), (30, 30));
    }

    #[test]
    fn a_late_packet_counts_nothing_twice() {
        let bin = Bin {
            t: 9,
            exact: 1,
            ..Bin::default()
        };
        let mut suspect = Suspect::default();
        suspect.sample(20, ME, &totals(10, 10..20, bin));
        suspect.sample(22, ME, &totals(9, 10..22, bin));
        assert_eq!(suspect.day(), totals(10, 10..22, bin).sums);
    }

    #[test]
    fn what_two_addresses_asked_in_a_day_adds_up_whichever_is_known_first() {
        let (many, few) = (
            Bin {
                t: 9,
                exact: 1,
                ..Bin::default()
            },
            Bin {
                t: 3,
                exact: 3,
                ..Bin::default()
            },
        );
        let mine = |seconds| totals(10, 10..seconds, many);
        let others = |seconds| totals(15, 15..seconds, few);
        let mut one = Suspect::default();
        one.sample(20, ME, &mine(20));
        one.sample(21, OTHER, &others(21));
        one.sample(30, ME, &mine(30));
        one.sample(31, OTHER, &others(31));
        let whole = mine(30).sums.beside(others(31).sums);
        assert_eq!((one.day().t, one.day().keyword), (whole.t, whole.keyword));
        assert_eq!(one.day().span(), 21);
        // It comes out late that they are one.
        let (mut one, mut two) = (Suspect::default(), Suspect::default());
        one.sample(30, ME, &mine(30));
        two.sample(31, OTHER, &others(31));
        one.merge(two);
        assert_eq!((one.day().t, one.day().keyword), (whole.t, whole.keyword));
        one.sample(40, OTHER, &others(40));
        assert_eq!(one.day().t, mine(30).sums.t + others(40).sums.t);
        assert_eq!(one.addresses.others(ME), [OTHER]);
    }
}
