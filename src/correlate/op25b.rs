//! Audit of outbound port 25 blocking: whether a site's rule that only its mail servers speak to
//! port 25 outside is kept, and by which holes it is not.
//!
//! Four flows tell of a rule that is not kept or not enough (Musashi's slides; detection.md
//! section 6): a client to a server outside on 25; a host outside to a server inside on 25 with a
//! domain of the site as its sender; POP before SMTP; submission without AUTH. Counts only, and
//! nothing where nobody has said what is inside.
//!
//! Roles are asked for when the audit is told and not when a connection is seen: a mail server
//! is one from its first connection on, whenever that was learned.

use super::room;
use crate::count::delta::{Fact, Outcome, Server, What};
use crate::count::names;
use crate::home::Home;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use crate::verdict::Class;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Mail transport (RFC 5321) and submission (RFC 6409).
const SMTP: u16 = 25;
const SUBMISSION: u16 = 587;
/// Hosts inside with connections to port 25 outside that are remembered; beyond it those leave that
/// made one and no more, as spoofed ones do, and were silent for longest.
pub(super) const HOSTS: usize = 16_384;
/// Pairs of a client and a server whose last session is remembered, of each kind; those silent
/// for longest go.
pub(super) const SESSIONS: usize = 16_384;
/// Ports of POP3, in clear and in TLS (RFC 1939, RFC 8314).
const POP: [u16; 2] = [110, 995];
/// Servers that let in who had read mail before did so for a quarter of an hour to half a one
/// (the defaults of poprelayd and DRAC).
const POP_BEFORE_SMTP: i64 = 1_800 * NANOS;
/// Prefixes that are told, the worst first.
const TOLD: usize = 20;

/// What is seen of a site's port 25.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Audit {
    #[serde(with = "crate::sorted::map")]
    hosts: HashMap<HostAddr, Port25, RandomState>,
    /// Whether a host had to be forgotten for others.
    evicted: bool,
    /// When a client last read mail at a server.
    #[serde(with = "crate::sorted::map")]
    mailboxes: HashMap<(HostAddr, HostAddr), Timestamp, RandomState>,
    /// The newest submission of a client at a server.
    #[serde(with = "crate::sorted::map")]
    submissions: HashMap<(HostAddr, HostAddr), Submission, RandomState>,
    flows: Flows,
    /// Hashes of the site's domains; not saved, since the inventory says them.
    #[serde(skip)]
    domains: HashSet<u64, RandomState>,
}

/// A host's connections to port 25 outside.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Port25 {
    attempts: u64,
    established: u64,
    /// Refused, or not answered for 30 s; who is answered after that counts here too.
    failed: u64,
    /// Whether servers' packets are mirrored.
    mirrored: Option<bool>,
    newest: Timestamp,
}

/// A submission whose begin was seen.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Submission {
    time: Timestamp,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Begun,
    /// It has AUTH or TLS, or was counted.
    Settled,
}

/// Connections of a group of hosts to port 25 outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holes {
    /// Hosts that are no mail servers and made some.
    pub hosts: u64,
    /// Their connections.
    pub attempts: u64,
    /// Those that were refused or not answered: the rule works. `None` where servers' packets are
    /// not mirrored.
    pub blocked: Option<u64>,
    /// Those that were answered: a hole. `None` likewise.
    pub leaked: Option<u64>,
    /// Connections of mail servers.
    pub allowed: u64,
}

impl Holes {
    /// The part of the connections that got through; `None` where there were none, or nothing
    /// tells.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "six digits are told")]
    pub fn leak_ratio(&self) -> Option<f64> {
        let (leaked, blocked) = (self.leaked?, self.blocked?);
        let all = leaked + blocked;
        (all > 0).then(|| leaked as f64 / all as f64)
    }
}

/// The flows besides that of clients to port 25.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// MAIL commands of hosts outside to port 25 inside with a domain of the site.
    pub forged: u64,
    /// Connections of hosts inside to port 25 of a server at which they had read mail within
    /// half an hour.
    pub pop_before_smtp: u64,
    /// Submissions of hosts inside to port 587 with AUTH that was seen.
    pub submitted_auth: u64,
    /// The same with TLS, in which AUTH cannot be seen.
    pub submitted_tls: u64,
    /// The same with neither before MAIL: the finding.
    pub submitted_open: u64,
}

/// What the audit has to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By /24 and /64, the worst first.
    pub prefixes: Vec<(IpAddr, Holes)>,
    /// All of IPv4.
    pub ipv4: Holes,
    /// All of IPv6, which a rule is often not made for.
    pub ipv6: Holes,
    /// The other flows.
    pub flows: Flows,
    /// Whether there are more prefixes, or hosts, than are told.
    pub cut: bool,
}

impl Audit {
    /// Knows the site's own domains, and has seen nothing.
    #[must_use]
    pub fn new(domains: &[String]) -> Self {
        let mut audit = Self::default();
        audit.know(domains);
        audit
    }

    /// Knows these as the site's own domains, and no others.
    pub(super) fn know(&mut self, domains: &[String]) {
        let domains = domains
            .iter()
            .filter_map(|domain| names::fold_text(domain.as_bytes()))
            .map(|folded| names::hash(names::registrable(&folded)));
        self.domains = domains.collect();
    }

    /// Takes in a fact about a host, and whether the packets of its servers are mirrored as far
    /// as is known.
    pub fn learn(&mut self, fact: &Fact, mirrored: Option<bool>, home: &Home) {
        match home.contains(fact.host) {
            Some(true) => self.inside(fact, home),
            Some(false) => self.outside(fact, home),
            None => {}
        }
        if let Some(host) = self.hosts.get_mut(&fact.host) {
            host.mirrored = mirrored.or(host.mirrored);
        }
    }

    fn inside(&mut self, fact: &Fact, home: &Home) {
        match fact.what {
            What::Attempt(server) => {
                if is_direct(server, home) {
                    self.host(fact).attempts += 1;
                }
                self.begun(fact.host, server, fact.time);
            }
            What::Outcome(server, outcome) if is_direct(server, home) => {
                // Who was forgotten meanwhile does not come back for how an attempt ended.
                if let Some(host) = self.hosts.get_mut(&fact.host) {
                    match outcome {
                        Outcome::Established => host.established += 1,
                        Outcome::Refused | Outcome::Unanswered => host.failed += 1,
                    }
                }
            }
            What::Mail { server, .. } => self.mail(fact.host, server),
            What::Auth { server, .. } => self.auth(fact.host, server),
            What::Tls { server, .. } => self.tls(fact.host, server),
            What::Mailbox { server } if POP.contains(&server.port) => {
                self.mailbox(fact.host, server.addr, fact.time);
            }
            _ => {}
        }
    }

    fn outside(&mut self, fact: &Fact, home: &Home) {
        if let What::Mail {
            server,
            domain: Some(domain),
        } = fact.what
            && server.port == SMTP
            && home.contains(server.addr) == Some(true)
            && self.domains.contains(&domain)
        {
            self.flows.forged += 1;
        }
    }

    /// A connection to a mail port of a server begins.
    fn begun(&mut self, host: HostAddr, server: Server, time: Timestamp) {
        let pair = (host, server.addr);
        if server.port == SMTP
            && let Some(read) = self.mailboxes.get(&pair)
            && time.nanos_since(*read) <= POP_BEFORE_SMTP
        {
            self.flows.pop_before_smtp += 1;
        }
        if server.port == SUBMISSION {
            make_room(&mut self.submissions, &pair, SESSIONS, |submission| {
                submission.time
            });
            let stage = Stage::Begun;
            self.submissions.insert(pair, Submission { time, stage });
        }
    }

    /// A client read mail at a server.
    fn mailbox(&mut self, host: HostAddr, server: HostAddr, time: Timestamp) {
        let pair = (host, server);
        make_room(&mut self.mailboxes, &pair, SESSIONS, |time| *time);
        self.mailboxes.insert(pair, time);
    }

    /// AUTH was seen.
    fn auth(&mut self, host: HostAddr, server: Server) {
        self.flows.submitted_auth += u64::from(self.settle(host, server));
    }

    /// TLS began.
    fn tls(&mut self, host: HostAddr, server: Server) {
        self.flows.submitted_tls += u64::from(self.settle(host, server));
    }

    /// MAIL was seen.
    fn mail(&mut self, host: HostAddr, server: Server) {
        self.flows.submitted_open += u64::from(self.settle(host, server));
    }

    /// Whether this is the first thing that tells how a submission was made. One of which the
    /// begin was not seen, or that is one of several at once, may be none.
    fn settle(&mut self, host: HostAddr, server: Server) -> bool {
        if server.port != SUBMISSION {
            return false;
        }
        let submission = self.submissions.get_mut(&(host, server.addr));
        submission
            .is_some_and(|it| std::mem::replace(&mut it.stage, Stage::Settled) == Stage::Begun)
    }

    fn host(&mut self, fact: &Fact) -> &mut Port25 {
        self.evicted |= make_room(&mut self.hosts, &fact.host, HOSTS, |port| {
            (port.attempts > 1, port.newest)
        });
        let host = self.hosts.entry(fact.host).or_default();
        host.newest = host.newest.max(fact.time);
        host
    }

    /// What there is to tell, where `allowed` says who may speak to port 25 outside.
    #[must_use]
    pub fn report(&self, allowed: &dyn Fn(HostAddr) -> bool) -> Report {
        let mut prefixes = BTreeMap::<_, Group>::new();
        let [mut ipv4, mut ipv6] = [Group::default(); 2];
        for (&host, port) in &self.hosts {
            let allowed = allowed(host);
            let family = match host.ip() {
                IpAddr::V4(_) => &mut ipv4,
                IpAddr::V6(_) => &mut ipv6,
            };
            family.add(port, allowed);
            prefixes.entry(prefix(host)).or_default().add(port, allowed);
        }
        let mut prefixes: Vec<_> = prefixes
            .into_iter()
            .map(|(prefix, group)| (prefix, group.holes()))
            .filter(|(_, holes)| holes.hosts > 0)
            .collect();
        // Stable: equals by address.
        prefixes.sort_by_key(|(_, holes)| std::cmp::Reverse((holes.leaked, holes.attempts)));
        let cut = prefixes.len() > TOLD || self.evicted;
        prefixes.truncate(TOLD);
        Report {
            prefixes,
            ipv4: ipv4.holes(),
            ipv6: ipv6.holes(),
            flows: self.flows,
            cut,
        }
    }
}

/// Whether a server is one outside, and asked for what only mail servers may.
fn is_direct(server: Server, home: &Home) -> bool {
    server.port == SMTP && home.contains(server.addr) == Some(false)
}

/// What a PC is that does this: who turns to port 25 outside violates a site's rule to go
/// through its servers. Where nobody has said what is outside, that is only fan-out.
#[must_use]
pub fn direct(what: What, home: &Home) -> Option<Class> {
    match what {
        What::Attempt(server) if is_direct(server, home) => Some(Class::Op25bViolation),
        What::Attempt(server) if server.port == SMTP && home.contains(server.addr).is_none() => {
            Some(Class::SpamFanout)
        }
        _ => None,
    }
}

/// Why that is worth a notice.
pub(super) const REASON: &str = "opened a connection to port 25 outside, which is for mail servers";

/// Sums of hosts, in any order.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    hosts: u64,
    attempts: u64,
    leaked: u64,
    blocked: u64,
    allowed: u64,
    mirrored: Option<bool>,
}

impl Group {
    fn add(&mut self, port: &Port25, allowed: bool) {
        if allowed {
            self.allowed += port.attempts;
            return;
        }
        self.hosts += 1;
        self.attempts += port.attempts;
        self.leaked += port.established;
        // Who was answered at last failed before.
        self.blocked += port
            .failed
            .min(port.attempts.saturating_sub(port.established));
        // One that is mirrored shows that they can be.
        self.mirrored = self.mirrored.max(port.mirrored);
    }

    fn holes(&self) -> Holes {
        let told = |count| (self.mirrored != Some(false)).then_some(count);
        Holes {
            hosts: self.hosts,
            attempts: self.attempts,
            blocked: told(self.blocked),
            leaked: told(self.leaked),
            allowed: self.allowed,
        }
    }
}

/// The /24 of an IPv4 address, the /64 of an IPv6 one.
fn prefix(host: HostAddr) -> IpAddr {
    match host.ip() {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & !0xff).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// Forgets a sixteenth, the least in rank, where another would be more than `bound`; whether it did.
fn make_room<K: Copy + Ord + Hash, V, R: Ord>(
    known: &mut HashMap<K, V, RandomState>,
    new: &K,
    bound: usize,
    rank: impl Fn(&V) -> R,
) -> bool {
    if known.len() < bound || known.contains_key(new) {
        return false;
    }
    let ranks = known.iter().map(|(key, it)| (rank(it), *key));
    for (_, key) in room::leaving(ranks, bound) {
        known.remove(&key);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;
    use crate::home::parse_net;

    fn home() -> Home {
        Home::new(["192.0.0.0/16", "2001:db8::/32"].map(|net| parse_net(net).unwrap()))
    }

    fn host(text: &str) -> HostAddr {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn server(text: &str, port: u16) -> Server {
        let addr = host(text);
        Server { addr, port }
    }

    fn learn(audit: &mut Audit, of: &str, second: i64, whats: &[What], mirrored: Option<bool>) {
        let time = Timestamp::from_parts(second, 0);
        for &what in whats {
            let fact = Fact {
                host: host(of),
                time,
                origin: Origin::default(),
                packet_time: time,
                what,
            };
            audit.learn(&fact, mirrored, &home());
        }
    }

    fn tried(outcomes: &[Outcome]) -> Vec<What> {
        let to = server("198.51.100.1", 25);
        let mut whats = vec![What::Attempt(to)];
        whats.extend(outcomes.iter().map(|&outcome| What::Outcome(to, outcome)));
        whats
    }

    #[test]
    fn blocked_leaked_and_allowed_by_prefix_and_family() {
        use Outcome::{Established, Refused, Unanswered};
        let mut audit = Audit::default();
        for (of, outcomes) in [
            ("192.0.2.1", &[Refused][..]),
            ("192.0.2.1", &[Unanswered]),
            ("192.0.2.2", &[Established]),
            // Answered after all: one connection that leaked.
            ("192.0.2.2", &[Unanswered, Established]),
            ("192.0.2.25", &[Established]),
            ("192.0.3.1", &[Established]),
            // Still open when the input ends.
            ("192.0.3.1", &[]),
            ("2001:db8::1", &[Established]),
            ("2001:db8:0:0:1::1", &[Unanswered]),
            // Not of this site.
            ("203.0.113.1", &[Established]),
        ] {
            learn(&mut audit, of, 0, &tried(outcomes), Some(true));
        }
        // Within the site, and to another port.
        let inside = [What::Attempt(server("192.0.2.25", 25))];
        learn(&mut audit, "192.0.2.7", 0, &inside, Some(true));
        let other = [What::Attempt(server("198.51.100.1", 465))];
        learn(&mut audit, "192.0.2.7", 0, &other, Some(true));
        let report = audit.report(&|of| of == host("192.0.2.25"));
        let holes = |hosts, attempts, blocked, leaked, allowed| Holes {
            hosts,
            attempts,
            blocked: Some(blocked),
            leaked: Some(leaked),
            allowed,
        };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            report.prefixes,
            [
                (ip("192.0.2.0"), holes(2, 4, 2, 2, 1)),
                (ip("192.0.3.0"), holes(1, 2, 0, 1, 0)),
                (ip("2001:db8::"), holes(2, 2, 1, 1, 0)),
            ]
        );
        assert_eq!(report.ipv4, holes(3, 6, 2, 3, 1));
        assert_eq!(report.ipv4.leak_ratio(), Some(0.6));
        assert_eq!(report.ipv6, holes(2, 2, 1, 1, 0));
        assert!(!report.cut);
        // Nobody has said what is inside.
        let time = Timestamp::from_parts(0, 0);
        let fact = |what| Fact {
            host: host("192.0.2.1"),
            time,
            origin: Origin::default(),
            packet_time: time,
            what,
        };
        let mut audit = Audit::default();
        for what in tried(&[Established]) {
            audit.learn(&fact(what), Some(true), &Home::default());
        }
        let report = audit.report(&|_| false);
        assert_eq!((report.prefixes.len(), report.ipv4.hosts), (0, 0));
        assert_eq!(report.ipv4.leak_ratio(), None);
        assert_eq!(Holes::default().leak_ratio(), None);
    }

    #[test]
    fn what_is_not_mirrored_is_unknown() {
        let mut audit = Audit::default();
        learn(&mut audit, "192.0.2.1", 0, &tried(&[]), Some(false));
        let [(_, holes)] = audit.report(&|_| false).prefixes[..] else {
            panic!("one prefix")
        };
        assert_eq!(
            (holes.attempts, holes.leaked, holes.blocked),
            (1, None, None)
        );
        assert_eq!(holes.leak_ratio(), None);
        // A neighbour whose servers are.
        let refused = tried(&[Outcome::Refused]);
        learn(&mut audit, "192.0.2.2", 0, &refused, Some(true));
        let [(_, holes)] = audit.report(&|_| false).prefixes[..] else {
            panic!("one prefix")
        };
        assert_eq!(
            (holes.attempts, holes.leaked, holes.blocked),
            (2, Some(0), Some(1))
        );
    }

    #[test]
    fn the_flows() {
        let mut audit = Audit::new(&["example.ac.jp".to_owned()]);
        let own = names::hash(b"\x07example\x02ac\x02jp");
        let mail = |to, domain| What::Mail { server: to, domain };
        let exchanger = server("192.0.2.25", 25);
        learn(
            &mut audit,
            "203.0.113.9",
            0,
            &[
                mail(exchanger, Some(own)),
                mail(exchanger, Some(own + 1)),
                mail(exchanger, None),
                mail(server("192.0.2.25", 587), Some(own)),
                mail(server("198.51.100.1", 25), Some(own)),
            ],
            None,
        );
        // Of a host inside an own domain is right.
        learn(
            &mut audit,
            "192.0.2.1",
            0,
            &[mail(exchanger, Some(own))],
            None,
        );
        assert_eq!(audit.flows.forged, 1);

        let provider = server("198.51.100.1", 25);
        let at = |second| Timestamp::from_parts(second, 0);
        audit.mailbox(host("192.0.2.1"), provider.addr, at(100));
        for (of, second) in [
            ("192.0.2.1", 1_900),
            ("192.0.2.1", 1_901),
            ("192.0.2.2", 200),
        ] {
            learn(&mut audit, of, second, &[What::Attempt(provider)], None);
        }
        assert_eq!(audit.flows.pop_before_smtp, 1);

        let submit = server("198.51.100.1", 587);
        let auth = What::Auth {
            server: submit,
            accepted: None,
        };
        let begin = [What::Attempt(submit)];
        let letters = [mail(submit, None), mail(submit, None)];
        // Before the begin was seen nothing is known.
        learn(&mut audit, "192.0.2.1", 0, &letters, None);
        learn(&mut audit, "192.0.2.1", 1, &begin, None);
        learn(&mut audit, "192.0.2.1", 2, &[auth], None);
        learn(&mut audit, "192.0.2.1", 2, &letters, None);
        learn(&mut audit, "192.0.2.1", 3, &begin, None);
        let tls = What::Tls {
            server: submit,
            name: None,
        };
        learn(&mut audit, "192.0.2.1", 3, &[tls, auth], None);
        learn(&mut audit, "192.0.2.1", 4, &begin, None);
        learn(&mut audit, "192.0.2.1", 5, &letters, None);
        let Flows {
            submitted_auth,
            submitted_tls,
            submitted_open,
            ..
        } = audit.flows;
        assert_eq!((submitted_auth, submitted_tls, submitted_open), (1, 1, 1));
    }

    #[test]
    fn all_of_it_has_a_bound() {
        let mut audit = Audit::default();
        let many = u32::try_from(HOSTS + 100).unwrap();
        for number in 0..many {
            let of = format!("192.0.{}.{}", number / 200, 1 + number % 200);
            learn(&mut audit, &of, 0, &tried(&[Outcome::Established]), None);
            let pair = [host(&of), host("198.51.100.1")];
            audit.mailbox(pair[0], pair[1], Timestamp::from_parts(number.into(), 0));
            let submit = [What::Attempt(server("198.51.100.1", 587))];
            learn(&mut audit, &of, number.into(), &submit, None);
        }
        let left = HOSTS - HOSTS / 16 + 100;
        assert_eq!(audit.hosts.len(), left);
        assert!(audit.mailboxes.len() <= SESSIONS && audit.submissions.len() <= SESSIONS);
        let report = audit.report(&|_| false);
        assert_eq!((report.prefixes.len(), report.cut), (TOLD, true));
        assert_eq!(report.ipv4.hosts, left as u64);
        assert!(audit.hosts.contains_key(&host("192.0.81.181")));
        // The newest is remembered, the eldest is not.
        assert!(
            !audit
                .mailboxes
                .contains_key(&(host("192.0.0.1"), host("198.51.100.1")))
        );
    }
}
