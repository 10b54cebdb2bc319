//! What others do with a host: hand it mail, and ask for its name.
//!
//! Both are seen at hosts that do nothing themselves, and so are kept apart from what a host
//! did, in a table with a bound of its own.

use super::evidence::{Family, Trail, Witness};
use super::room;
use super::score::{Against, Score};
use super::suspect::DAY;
use super::window::Window;
use crate::count::delta::{Fact, What};
use crate::home::Home;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use crate::words::counted;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Hosts of which something is kept; at the bound a sixteenth leaves, those first of which
/// nothing was heard for longest.
const HOSTS: usize = 16_384;
/// Others kept of each kind and host: more than any line here asks for.
const KEPT: usize = 64;
/// Others of all hosts together; beyond it hosts leave likewise. Some 70 octets each, 9 MiB.
const OTHERS: usize = 1 << 17;
/// Networks that asked for a host's name count for so long (the study's section 4).
const HOUR: i64 = 3_600 * NANOS;

/// Outside hosts that were greeted by SMTP before that makes a mail server (the study).
const GREETED: usize = 3;
/// Outside networks that ask for the name of one address within an hour, as receivers of its
/// mail do (the study, after Fukuda and Heidemann's backscatter).
const NETWORKS: usize = 20;
/// Their weight (the study); of whoever connects to mail servers, they ask.
const BACKSCATTER: Against = Against::pc(4.0);
/// Somebody's machine that takes mail from outside: one PC in a hundred by some program,
/// against half of the relays that others have made.
const ACCEPTS: Against = Against::each(3.9, 2.3, 2.3);

/// What is known of hosts by what others do.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Others {
    #[serde(with = "crate::sorted::map")]
    hosts: HashMap<HostAddr, Seen, RandomState>,
    /// Others that are kept of all hosts.
    #[serde(skip)]
    kept: usize,
}

/// What others do with one host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Outside hosts that it greeted, or that it answered by SMTP, within a day.
    greeted: Window,
    /// Outside networks that asked for its name within an hour.
    asked: Window,
    /// Witnesses of either.
    greeted_trail: Trail,
    asked_trail: Trail,
    newest: Timestamp,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            greeted: Window::new(DAY, KEPT),
            asked: Window::new(HOUR, KEPT),
            greeted_trail: Trail::default(),
            asked_trail: Trail::default(),
            newest: Timestamp::MIN,
        }
    }
}

impl Seen {
    /// Whether it accepts mail from enough hosts outside to be a mail server.
    pub(super) fn is_mail_server(&self, now: Timestamp) -> bool {
        self.greeted.since(now) >= GREETED
    }

    /// How many others are kept.
    fn kept(&self) -> usize {
        self.greeted.len() + self.asked.len()
    }

    /// How many hosts outside it answered by SMTP.
    pub(super) fn greeted(&self) -> usize {
        self.greeted.len()
    }

    /// Its families in words, and the packets that show them.
    pub(super) fn explain(&self, family: Family) -> Option<(Trail, String)> {
        let (trail, text) = match family {
            Family::Inbound => {
                let hosts = counted(self.greeted.len() as u64, "host");
                let text = format!("answered {hosts} outside on its own port 25");
                (&self.greeted_trail, text)
            }
            Family::Back => {
                let networks = counted(self.asked.len() as u64, "network");
                let text = format!(
                    "{networks} outside asked for its name within an hour, as receivers of mail do"
                );
                (&self.asked_trail, text)
            }
            _ => return None,
        };
        Some((trail.clone(), text))
    }

    /// Sets what that weighs; `used`: it is a machine that somebody uses.
    pub(super) fn weigh(&self, score: &mut Score, used: bool, now: Timestamp) {
        let weight = |holds, weight| if holds { weight } else { Against::default() };
        let back = self.asked.since(now) >= NETWORKS;
        score.set(Family::Back, weight(back, BACKSCATTER));
        let accepts = used && self.is_mail_server(now);
        score.set(Family::Inbound, weight(accepts, ACCEPTS));
    }
}

impl Others {
    /// Takes in a fact about what others do; others are none of its business. What comes from
    /// inside says nothing, and neither does the name of an address of which it is not known
    /// whether it lies inside.
    pub(super) fn learn(&mut self, fact: &Fact, home: &Home) {
        if home.contains(fact.host) == Some(false) {
            return;
        }
        let outside = |peer: HostAddr| home.contains(peer) != Some(true);
        match fact.what {
            What::ServesSmtp { peer } if outside(peer) => {
                self.note(
                    fact,
                    |seen| (&mut seen.greeted, &mut seen.greeted_trail),
                    peer,
                );
            }
            What::Backscatter { querier } if home.contains(querier) == Some(false) => {
                self.note(
                    fact,
                    |seen| (&mut seen.asked, &mut seen.asked_trail),
                    querier.network(),
                );
            }
            _ => {}
        }
    }

    /// Counts one of the others, with the packet that shows it where it is a new one; packets are
    /// of those that are still counted.
    fn note(
        &mut self,
        fact: &Fact,
        of: fn(&mut Seen) -> (&mut Window, &mut Trail),
        other: HostAddr,
    ) {
        let (window, trail) = of(self.seen(fact));
        let before = window.len();
        window.expire(fact.time);
        if window.is_empty() {
            *trail = Trail::default();
        }
        let other = super::fanout::hash(other);
        if window.touch(other, fact.time).0.is_none() {
            trail.note(Witness::of(fact), None);
        }
        let after = window.len();
        self.kept = self.kept + after - before;
    }

    /// Counts what there is, where it was saved.
    pub(super) fn count(&mut self) {
        self.kept = self.hosts.values().map(Seen::kept).sum();
    }

    /// What is known of a host.
    pub(super) fn get(&self, host: HostAddr) -> Option<&Seen> {
        self.hosts.get(&host)
    }

    fn seen(&mut self, fact: &Fact) -> &mut Seen {
        let new = || !self.hosts.contains_key(&fact.host);
        if self.kept >= OTHERS || self.hosts.len() >= HOSTS && new() {
            let ranks = self.hosts.iter().map(|(host, seen)| (seen.newest, *host));
            let bound = self.hosts.len();
            for (_, host) in room::leaving(ranks, bound) {
                let gone = self.hosts.remove(&host);
                self.kept -= gone.map_or(0, |seen| seen.kept());
            }
        }
        let seen = self.hosts.entry(fact.host).or_default();
        seen.newest = seen.newest.max(fact.time);
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;

    fn fact(what: What, second: i64) -> Fact {
        let time = Timestamp::from_parts(second, 0);
        Fact {
            host: HostAddr::from_v4([192, 0, 2, 1]),
            time,
            origin: Origin::default(),
            packet_time: time,
            what,
        }
    }

    fn home() -> Home {
        Home::new(["192.0.2.0/24".parse().unwrap()])
    }

    #[test]
    fn twenty_networks_outside_within_an_hour_weigh() {
        for (networks, pause, weighs) in [(19, 1, false), (20, 1, true), (40, 200, false)] {
            let mut others = Others::default();
            for network in 0..networks {
                for host in 0..3 {
                    let querier = HostAddr::from_v4([198, 51, network, host]);
                    let what = What::Backscatter { querier };
                    others.learn(&fact(what, i64::from(network) * pause), &home());
                }
            }
            let mut score = Score::default();
            let seen = others.get(HostAddr::from_v4([192, 0, 2, 1])).unwrap();
            let now = Timestamp::from_parts(i64::from(networks) * pause, 0);
            seen.weigh(&mut score, false, now);
            assert_eq!(score.of(Family::Back) != Against::default(), weighs);
        }
    }

    #[test]
    fn who_answers_three_hosts_outside_is_a_mail_server() {
        let mut others = Others::default();
        for (number, server) in [(1, false), (2, false), (3, true)] {
            let inside = HostAddr::from_v4([192, 0, 2, 100 + number]);
            let peer = HostAddr::from_v4([198, 51, 100, number]);
            for peer in [inside, peer] {
                others.learn(&fact(What::ServesSmtp { peer }, 0), &home());
            }
            let seen = others.get(HostAddr::from_v4([192, 0, 2, 1])).unwrap();
            assert_eq!(seen.is_mail_server(Timestamp::from_parts(0, 0)), server);
        }
    }

    #[test]
    fn at_the_bound_those_unheard_of_for_longest_leave() {
        let mut others = Others::default();
        for number in 0..0x9c40_u32 {
            let mut told = fact(
                What::ServesSmtp {
                    peer: HostAddr::from_v4([198, 51, 100, 1]),
                },
                i64::from(number),
            );
            told.host = HostAddr::from_v4((0x0a00_0000 | number).to_be_bytes());
            others.learn(&told, &Home::default());
            assert!(others.hosts.len() <= HOSTS);
        }
        let newest = HostAddr::from_v4((0x0a00_0000_u32 | 0x9c3f).to_be_bytes());
        assert!(others.get(newest).is_some());
    }
}
