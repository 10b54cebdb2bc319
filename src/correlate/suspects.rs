//! The hosts that are remembered, with an account of the memory that they take.

use super::room;
use super::watched::Watched;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use crate::verdict::Level;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Hosts with mail lookups or mail connections that are remembered, where memory does not end
/// before; beyond it those leave that were silent for longest.
pub(super) const SUSPECTS: usize = 65_536;

/// Octets of a host's place in the table, twice over, since a table grows by doubling.
const PLACE: usize = 2 * size_of::<(HostAddr, Box<Watched>)>();

/// A host stays as if it had been heard of so much later, for each second in which it did something:
/// whom a flood makes up does little, and who goes on doing something outlasts it, pauses included. At
/// the most a day's worth, after which silence makes anyone leave.
const STAYS: i64 = 300 * NANOS;
const MOST: u32 = 288;
/// The same for an open episode by its level. Of a suspicion no more, or who makes up hosts until they
/// are suspected kept all others out with them; a conviction takes what is hard to make up.
const fn stays(level: Level) -> i64 {
    match level {
        Level::None | Level::Notice => 0,
        Level::Suspected => 3_600 * NANOS,
        Level::Likely | Level::Confirmed => 86_400 * NANOS,
    }
}

/// Octets of a host that stays for all of that; who takes more, for half: few hosts that fill the memory
/// by what each does leave before a hundred others do. No less than half, since who does much takes much.
const USUAL: usize = 32 << 10;

/// Hosts that left of which it is known how much they had done, twice over: some 17 MiB at the most.
const GONE: usize = 114_688;

/// Remembered hosts, by address.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Suspects {
    /// Boxed: what is remembered of a host is long, and half of a table's places are empty.
    #[serde(with = "crate::sorted::map")]
    hosts: HashMap<HostAddr, Box<Watched>, RandomState>,
    /// What they take, as of the last time that each was weighed.
    #[serde(skip)]
    octets: usize,
    gone: Gone,
}

/// In how many seconds hosts had done something that left for others, so that they need not begin
/// anew: among millions that are made up, a bot may have to leave some times before it has done more
/// than those. The newest, and those before.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Gone(
    #[serde(with = "crate::sorted::map")] HashMap<HostAddr, u32, RandomState>,
    #[serde(with = "crate::sorted::map")] HashMap<HostAddr, u32, RandomState>,
);

impl Gone {
    fn note(&mut self, host: HostAddr, active: u32) {
        if self.0.len() >= GONE {
            self.1 = std::mem::take(&mut self.0);
        }
        self.0.insert(host, active);
    }

    fn take(&mut self, host: HostAddr) -> u32 {
        let (new, old) = (self.0.remove(&host), self.1.remove(&host));
        new.or(old).unwrap_or(0)
    }
}

impl Suspects {
    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn knows(&self, host: HostAddr) -> bool {
        self.hosts.contains_key(&host)
    }

    pub(super) fn get(&self, host: HostAddr) -> Option<&Watched> {
        self.hosts.get(&host).map(|watched| &**watched)
    }

    /// Weigh it when that is over.
    pub(super) fn get_mut(&mut self, host: HostAddr) -> Option<&mut Watched> {
        self.hosts.get_mut(&host).map(|watched| &mut **watched)
    }

    /// Every host, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (HostAddr, &Watched)> {
        let hosts = self.hosts.iter();
        hosts.map(|(host, watched)| (*host, &**watched))
    }

    /// What is remembered of a host; nothing yet, where it was not.
    pub(super) fn entry(&mut self, host: HostAddr) -> &mut Watched {
        let Self { hosts, gone, .. } = self;
        hosts.entry(host).or_insert_with(|| {
            let mut watched = Box::<Watched>::default();
            watched.active = gone.take(host);
            watched
        })
    }

    pub(super) fn insert(&mut self, host: HostAddr, watched: Box<Watched>) {
        self.octets += watched.weight;
        if let Some(before) = self.hosts.insert(host, watched) {
            self.octets -= before.weight;
        }
        self.weigh(host);
    }

    pub(super) fn remove(&mut self, host: HostAddr) -> Option<Box<Watched>> {
        let watched = self.hosts.remove(&host)?;
        self.octets -= watched.weight;
        Some(watched)
    }

    /// Takes out one that leaves for others.
    pub(super) fn evict(&mut self, host: HostAddr) -> Option<Box<Watched>> {
        let watched = self.remove(host)?;
        self.gone.note(host, watched.active);
        Some(watched)
    }

    /// Takes out those of which `is` says so, in no order.
    pub(super) fn take(
        &mut self,
        mut is: impl FnMut(&Watched) -> bool,
    ) -> Vec<(HostAddr, Box<Watched>)> {
        let gone = self.hosts.extract_if(|_, watched| is(watched));
        let gone: Vec<_> = gone.collect();
        self.octets -= gone.iter().map(|(_, gone)| gone.weight).sum::<usize>();
        gone
    }

    /// Takes note of what is remembered of a host by now.
    pub(super) fn weigh(&mut self, host: HostAddr) {
        if let Some(watched) = self.hosts.get_mut(&host) {
            let now = PLACE + watched.octets();
            self.octets = self.octets - watched.weight + now;
            watched.weight = now;
        }
    }

    /// The same of all, where they were saved.
    pub(super) fn weigh_all(&mut self) {
        self.octets = 0;
        for watched in self.hosts.values_mut() {
            watched.weight = PLACE + watched.octets();
            self.octets += watched.weight;
        }
    }

    /// Whether they take more than so many octets. One host may.
    pub(super) fn take_more_than(&self, octets: usize) -> bool {
        self.octets > octets && self.hosts.len() > 1
    }

    /// Those that leave where there are too many, or too large ones, for others: a sixteenth, those
    /// first that have done least and were silent for longest (see [`STAYS`]).
    pub(super) fn leaving(&self, octets: usize) -> Vec<HostAddr> {
        let rank = |(host, watched): (HostAddr, &Watched)| {
            let newest = watched.facts.map_or(Timestamp::MIN, |(_, newest)| newest);
            let level = watched.episode.map_or(0, |episode| stays(episode.level));
            let stays = i64::from(watched.active.min(MOST)) * STAYS + level;
            let stays = if watched.weight > USUAL {
                stays / 2
            } else {
                stays
            };
            (newest.plus_nanos(stays), host)
        };
        let ranks = self.iter().map(rank);
        let mut gone = if self.hosts.len() >= SUSPECTS {
            room::leaving(ranks, SUSPECTS)
        } else {
            ranks.collect()
        };
        gone.sort_unstable();
        if self.hosts.len() < SUSPECTS {
            let mut rest = self.octets;
            let mut left = self.hosts.len();
            gone.retain(|(.., host)| {
                let goes = rest > octets - octets / 16 && left > 1;
                if goes {
                    left -= 1;
                    rest -= self.get(*host).map_or(0, |watched| watched.weight);
                }
                goes
            });
        }
        gone.into_iter().map(|(.., host)| host).collect()
    }
}
