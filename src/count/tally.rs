//! What one worker holds: the hosts of its shards, and the seconds that are still open.
//!
//! What changes them stands in [`super::dns`] and [`super::mail`].

use super::asked::Minutes;
use super::binding::Bindings;
use super::delta::{Delta, Fact, HostBin, What};
use super::domains::Domains;
use super::duplicates::Duplicates;
use super::hidden::Hiders;
use super::host::{HostCounters, Quota};
use super::lately::{Lately, News};
use super::table::HostTable;
use super::{PacketCounts, SHARDS, Settings, shard_of};
use crate::capture::Origin;
use crate::host::HostAddr;
use crate::time::Timestamp;
use hashbrown::HashSet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::Hash;

/// The counters, and what is to be told of the open seconds.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) settings: Settings,
    pub(super) shards: Vec<Shard>,
    /// Seconds that may still receive packets, in order of time.
    pub(super) open: Vec<OpenSecond>,
    pub(super) asked: Minutes,
    pub(super) domains: Domains,
    pub(super) packets: PacketCounts,
    /// When the packet came whose message is counted, where that was before now.
    pub(super) came: Option<Timestamp>,
    /// The second up to which all are closed.
    pub(super) closed: i64,
}

/// The hosts of a shard.
#[derive(Debug, Serialize)]
pub(super) struct Shard {
    pub(super) hosts: HostTable<HostCounters>,
    /// Hosts known to answer DNS.
    #[serde(with = "crate::sorted::set")]
    pub(super) servers: HashSet<HostAddr, foldhash::fast::RandomState>,
    pub(super) duplicates: Duplicates,
    pub(super) hiders: Hiders,
    /// What is not told again and again.
    pub(super) lately: Lately,
    pub(super) bindings: Bindings,
    pub(super) quota: Quota,
}

#[derive(Debug, Default)]
pub(super) struct OpenSecond {
    pub(super) delta: Delta,
    pub(super) bins: Bins,
}

/// Hosts of a shard of which a second has bins at the most.
const BINS: u16 = 1_024;

/// What hosts did in a second, where that is asked for.
#[derive(Debug, Default)]
pub(super) struct Bins {
    hosts: BTreeMap<HostAddr, HostBin>,
    /// How many of each shard.
    of_shard: BTreeMap<usize, u16>,
}

impl Bins {
    pub(super) fn of(bins: Vec<(HostAddr, HostBin)>) -> Self {
        let mut all = Self::default();
        for (host, bin) in bins {
            if let Some(slot) = all.host(host) {
                *slot = bin;
            }
        }
        all
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&HostAddr, &HostBin)> {
        self.hosts.iter()
    }

    /// A host's bin; `None` where its shard has too many.
    fn host(&mut self, host: HostAddr) -> Option<&mut HostBin> {
        match self.hosts.entry(host) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(place) => {
                let count = self.of_shard.entry(shard_of(host)).or_default();
                if *count >= BINS {
                    return None;
                }
                *count += 1;
                Some(place.insert(HostBin::default()))
            }
        }
    }
}

impl Shard {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            hosts: HostTable::new(settings.hosts_of_shard()),
            servers: HashSet::default(),
            duplicates: Duplicates::default(),
            hiders: Hiders::default(),
            lately: Lately::default(),
            bindings: Bindings::default(),
            quota: Quota::default(),
        }
    }
}

impl Tally {
    pub(super) fn new(settings: Settings) -> Self {
        let shard = || Shard::new(&settings);
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            open: Vec::new(),
            asked: Minutes::default(),
            domains: Domains::default(),
            packets: PacketCounts::default(),
            came: None,
            closed: i64::MIN,
            settings,
        }
    }

    /// Whether an observation about `host` is told; counts those that are not.
    pub(super) fn tell(&mut self, time: Timestamp, host: HostAddr) -> bool {
        let Shard { hosts, quota, .. } = &mut self.shards[shard_of(host)];
        let counters = hosts.get_mut(host);
        let told = counters.is_some_and(|counters| counters.tell(time.second(), quota));
        self.packets.untold += u64::from(!told);
        told
    }

    /// Takes note of what a host's counters take by now.
    #[inline]
    pub(super) fn weigh(&mut self, host: HostAddr) {
        self.shards[shard_of(host)]
            .hosts
            .weigh(host, HostCounters::cut);
    }

    /// The same of all hosts.
    pub(super) fn weigh_all(&mut self) {
        for shard in &mut self.shards {
            shard.hosts.weigh_all();
        }
    }

    /// The open second of a packet that is not late.
    pub(super) fn second(&mut self, time: Timestamp) -> &mut OpenSecond {
        self.open_second(time.second())
    }

    pub(super) fn open_second(&mut self, second: i64) -> &mut OpenSecond {
        let at = match self
            .open
            .binary_search_by_key(&second, |open| open.delta.second)
        {
            Ok(at) => at,
            Err(at) => {
                let delta = Delta {
                    second,
                    ..Delta::default()
                };
                self.open.insert(
                    at,
                    OpenSecond {
                        delta,
                        ..OpenSecond::default()
                    },
                );
                at
            }
        };
        &mut self.open[at]
    }

    /// Tells an observation, of a packet that is not late; of TCP, what it says may have been
    /// known later than it came.
    pub(super) fn fact(&mut self, time: Timestamp, origin: Origin, host: HostAddr, what: What) {
        let packet_time = self.came.unwrap_or(time);
        self.tell_of((origin, packet_time), time, host, what);
    }

    /// Tells an observation that follows from a packet, at `time`.
    pub(super) fn tell_of(
        &mut self,
        (origin, packet_time): (Origin, Timestamp),
        time: Timestamp,
        host: HostAddr,
        what: What,
    ) {
        self.second(time).delta.facts.push(Fact {
            host,
            time,
            origin,
            packet_time,
            what,
        });
    }

    /// Tells an observation unless one with the same `key` was told in the same hour; of a packet
    /// that is not late, whose worker is `teller`'s.
    pub(super) fn tell_once(
        &mut self,
        teller: HostAddr,
        key: impl Hash,
        packet: (Origin, Timestamp),
        fact: (Timestamp, HostAddr, What),
    ) {
        let (time, host, what) = fact;
        match self.shards[shard_of(teller)].lately.news(time, key) {
            News::Known => {}
            News::TooMany => self.packets.untold += 1,
            News::New => self.tell_of(packet, time, host, what),
        }
    }

    pub(super) fn bin(
        &mut self,
        time: Timestamp,
        host: HostAddr,
        count: impl FnOnce(&mut HostBin),
    ) {
        if !self.settings.bins {
            return;
        }
        match self.second(time).bins.host(host) {
            Some(bin) => count(bin),
            None => self.packets.untold += 1,
        }
    }

    /// Closes the seconds up to `through`, and yields those in which there was something to
    /// tell, in order of time.
    pub(super) fn close(&mut self, through: i64) -> Vec<Delta> {
        self.closed = through;
        for (second, asked) in self.asked.close(through) {
            self.open_second(second).delta.asked = asked;
        }
        let count = self
            .open
            .partition_point(|open| open.delta.second <= through);
        let mut deltas: Vec<_> = self.open.drain(..count).collect();
        deltas
            .iter_mut()
            .map(|OpenSecond { delta, bins }| {
                let mut delta = std::mem::take(delta);
                // Stable: what is of the same time keeps the order of arrival. By time, since a
                // mirror may deliver a reply before its query. Keys apart, since facts are long.
                let order = |fact: &Fact| (fact.host, fact.time);
                delta.facts.sort_by_cached_key(order);
                delta.bindings.sort_by_key(|binding| binding.said.addr);
                delta.bins = std::mem::take(bins).hosts.into_iter().collect();
                // What others do with a host is told by their workers; its counters, where it
                // does something itself, only by its own.
                let own = delta.facts.iter().filter(|fact| !fact.what.is_of_others());
                let mut hosts: Vec<_> = own.map(|fact| fact.host).collect();
                hosts.dedup();
                delta.totals.reserve_exact(hosts.len());
                for host in hosts {
                    let Shard { hosts, hiders, .. } = &mut self.shards[shard_of(host)];
                    if let Some(counters) = hosts.get_mut(host) {
                        counters.close(delta.second);
                        hiders.mark(host, counters);
                        delta.totals.push((host, counters.totals()));
                    }
                }
                delta
            })
            .collect()
    }

    /// Every host with its counters, in no order.
    pub(super) fn each_host(&mut self) -> impl Iterator<Item = (HostAddr, &mut HostCounters)> {
        let shards = self.shards.iter_mut();
        shards.flat_map(|shard| shard.hosts.iter_mut())
    }

    /// A host's counters, where it has any.
    pub(super) fn host_mut(&mut self, host: HostAddr) -> Option<&mut HostCounters> {
        self.shards[shard_of(host)].hosts.get_mut(host)
    }

    /// What became of the packets so far.
    pub(super) fn packets(&self) -> PacketCounts {
        let mut packets = self.packets.clone();
        packets.unasked = self.asked.omitted;
        packets.hosts = self
            .shards
            .iter()
            .map(|shard| shard.hosts.len() as u64)
            .sum();
        packets.evicted = self.evicted();
        packets
    }

    /// Hosts that had to leave the tables.
    pub(super) fn evicted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.hosts.evicted()).sum()
    }

    /// Ends counting: every host with its counters, all seconds closed, in no order. Call
    /// [`Tally::close`] for the last deltas before.
    pub(super) fn finish(mut self) -> Vec<(HostAddr, HostCounters)> {
        let mut all = Vec::new();
        for Shard { hosts, hiders, .. } in &mut self.shards {
            all.extend(hosts.drain().map(|(host, mut counters)| {
                counters.close(i64::MAX);
                hiders.mark(host, &mut counters);
                (host, counters)
            }));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_bins_of_so_many_hosts_and_counts_those_that_have_none() {
        let mut tally = Tally::new(Settings {
            bins: true,
            ..Settings::default()
        });
        let time = Timestamp::from_parts(7, 0);
        for _ in 0..2 {
            for number in 0..200_000_u32 {
                let host = HostAddr::from_v4(number.to_be_bytes());
                tally.bin(time, host, |bin| bin.mx += 1);
            }
        }
        let bins = &tally.close(7)[0].bins;
        assert_eq!(bins.len(), SHARDS * usize::from(BINS));
        assert!(bins.iter().all(|(_, bin)| bin.mx == 2));
        assert_eq!(tally.packets().untold, 2 * (200_000 - bins.len() as u64));
    }
}
