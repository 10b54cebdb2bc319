//! A bounded table of hosts.

use crate::host::HostAddr;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde::ser::SerializeTuple as _;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::VecDeque;
use std::hash::BuildHasher as _;

/// Credits a host can hold: rounds of the main queue that it survives without a packet.
const MOST_CREDIT: u8 = 3;

/// A table grows by this part of itself: hosts are long, and by doubling up to half of the memory
/// would lie unused.
const GROWTH: usize = 8;

/// The part of the bound that hosts on trial keep while regulars are pressed: a tenth, as in
/// the paper.
const TRIAL: usize = 10;

/// Hosts with their counters, never more than a bound.
///
/// At the bound a new host takes the place of an old one. New hosts stand in a queue on
/// trial; its head leaves unless it has spoken again, and then joins the main queue, whose
/// head goes to its end as long as it has credit from packets since (S3-FIFO; Yang and
/// others, SOSP 2023). So a flood of sources that speak once evicts its own, and which host
/// leaves depends on the packets alone.
#[derive(Debug)]
pub struct HostTable<V> {
    /// Where the slot of a host is, by a hash of its address.
    index: HashTable<u32>,
    hasher: RandomState,
    slots: Vec<Slot<V>>,
    /// Slots that nobody has now.
    free: Vec<u32>,
    trial: VecDeque<u32>,
    main: VecDeque<u32>,
    bound: Bound,
    /// What all of them take.
    octets: usize,
    evicted: u64,
}

/// How much a table may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Hosts.
    pub hosts: usize,
    /// Octets, tables and all. One host may take more.
    pub octets: usize,
}

/// What is kept of a host beyond its place in a table.
pub trait Weigh {
    /// Octets of it: the same in every run, whatever the seeds of hash tables are.
    fn octets(&self) -> usize;
}

/// In this order, so that what is looked at for each packet lies together.
#[derive(Debug)]
#[repr(C)]
struct Slot<V> {
    host: HostAddr,
    credit: u8,
    /// A host has it.
    taken: bool,
    /// Octets beside the place, as of when it was weighed last; no host takes gigabytes.
    octets: u32,
    value: V,
}

impl<V: Weigh> Slot<V> {
    fn new(host: HostAddr, credit: u8, value: V) -> Self {
        let mut slot = Self {
            host,
            credit,
            taken: true,
            octets: 0,
            value,
        };
        slot.weigh();
        slot
    }

    fn weigh(&mut self) {
        self.octets = u32::try_from(self.value.octets()).unwrap_or(u32::MAX);
    }

    /// Octets of all of it, as of when it was weighed last.
    fn weight(&self) -> usize {
        Self::PLACE + self.octets as usize
    }

    /// Octets of a host with nothing beside its place: a slot, with the room by which the table
    /// grows, and its places in the index and a queue.
    const PLACE: usize = size_of::<Self>() + size_of::<Self>() / GROWTH + 64;
}

/// A table as it was saved: the hosts of both queues, the one whose turn it is first.
#[derive(Debug, Deserialize)]
pub(super) struct Saved<V> {
    evicted: u64,
    trial: VecDeque<(HostAddr, u8, V)>,
    main: VecDeque<(HostAddr, u8, V)>,
}

impl<V: Serialize> Serialize for HostTable<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hosts = |queue: &VecDeque<u32>| -> Vec<_> {
            let slots = queue.iter().filter_map(|&at| self.slots.get(at as usize));
            slots
                .map(|slot| (slot.host, slot.credit, &slot.value))
                .collect()
        };
        let mut saved = serializer.serialize_tuple(3)?;
        saved.serialize_element(&self.evicted)?;
        saved.serialize_element(&hosts(&self.trial))?;
        saved.serialize_element(&hosts(&self.main))?;
        saved.end()
    }
}

impl<V: Default + Weigh> Saved<V> {
    /// The table, for no more than `bound`: where there was more, those leave whose turn it
    /// was. `None` where a host stands twice.
    pub(super) fn table(mut self, bound: Bound) -> Option<HostTable<V>> {
        while self.trial.len() + self.main.len() > bound.hosts.max(1) {
            let _ = self.trial.pop_front().or_else(|| self.main.pop_front());
            self.evicted += 1;
        }
        let mut table = HostTable {
            slots: Vec::with_capacity(self.trial.len() + self.main.len()),
            evicted: self.evicted,
            ..HostTable::new(bound)
        };
        for (hosts, on_trial) in [(self.trial, true), (self.main, false)] {
            for (host, credit, value) in hosts {
                if table.find(host).is_some() {
                    return None;
                }
                let at = table.take(Slot::new(host, credit.min(MOST_CREDIT), value));
                let queue = if on_trial {
                    &mut table.trial
                } else {
                    &mut table.main
                };
                queue.push_back(at);
            }
        }
        table.relieve();
        Some(table)
    }
}

impl<V: Default + Weigh> HostTable<V> {
    /// An empty table for no more than `bound` (at least one host).
    #[must_use]
    pub fn new(bound: Bound) -> Self {
        Self {
            index: HashTable::new(),
            hasher: RandomState::default(),
            slots: Vec::new(),
            free: Vec::new(),
            trial: VecDeque::new(),
            main: VecDeque::new(),
            bound: Bound {
                // As many as places have numbers.
                hosts: bound.hosts.clamp(1, u32::MAX as usize),
                ..bound
            },
            octets: 0,
            evicted: 0,
        }
    }

    /// The place of `host`.
    #[inline]
    fn find(&self, host: HostAddr) -> Option<u32> {
        let is = |at: &u32| {
            self.slots
                .get(*at as usize)
                .is_some_and(|slot| slot.host == host)
        };
        self.index.find(self.hasher.hash_one(host), is).copied()
    }

    /// The counters of `host`, new ones where it has none.
    ///
    /// # Panics
    /// Never: an index is made with its slot.
    #[inline]
    pub fn entry(&mut self, host: HostAddr) -> &mut V {
        let at = match self.find(host) {
            Some(at) => at,
            None => self.insert(host),
        };
        let slot = self.slots.get_mut(at as usize);
        let slot = slot.expect("an index leads to its slot");
        slot.credit = (slot.credit + 1).min(MOST_CREDIT);
        &mut slot.value
    }

    fn insert(&mut self, host: HostAddr) -> u32 {
        let slot = Slot::new(host, 0, V::default());
        if self.len() >= self.bound.hosts {
            self.evict();
        }
        while self.octets + slot.weight() > self.bound.octets && !self.is_empty() {
            self.evict();
        }
        let at = self.take(slot);
        self.trial.push_back(at);
        at
    }

    /// Gives a host a place.
    fn take(&mut self, slot: Slot<V>) -> u32 {
        let host = slot.host;
        self.octets += slot.weight();
        let at = self.free.pop().unwrap_or_else(|| {
            // There are no more than have numbers.
            u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
        });
        if let Some(place) = self.slots.get_mut(at as usize) {
            *place = slot;
        } else {
            if self.slots.len() == self.slots.capacity() {
                let more = self.slots.len() / GROWTH + 1;
                self.slots.reserve_exact(more);
            }
            self.slots.push(slot);
        }
        let Self {
            index,
            hasher,
            slots,
            ..
        } = self;
        let hash_of = |at: &u32| {
            let slot = slots.get(*at as usize);
            slot.map_or(0, |slot| hasher.hash_one(slot.host))
        };
        index.insert_unique(hasher.hash_one(host), at, hash_of);
        at
    }

    /// Has the host leave whose turn it is.
    fn evict(&mut self) {
        if let Some(at) = self.next_to_leave()
            && let Some(slot) = self.slots.get_mut(at as usize)
        {
            let hash = self.hasher.hash_one(slot.host);
            if let Ok(entry) = self.index.find_entry(hash, |other| *other == at) {
                entry.remove();
            }
            self.octets -= slot.weight();
            slot.value = V::default();
            slot.taken = false;
            self.free.push(at);
            self.evicted += 1;
        }
    }

    /// Takes the place of whose turn it is off its queue. Ends, since each step takes a host off
    /// the trial queue or a credit off one in the main queue.
    fn next_to_leave(&mut self) -> Option<u32> {
        loop {
            let most = self.bound.hosts.min(self.len()) / TRIAL;
            let on_trial = self.trial.len() > most || self.main.is_empty();
            let queue = if on_trial {
                &mut self.trial
            } else {
                &mut self.main
            };
            let at = queue.pop_front()?;
            match self.slots.get_mut(at as usize) {
                // One credit is that of a host's first packet, or the last of a regular's.
                Some(slot) if slot.credit > 1 => {
                    slot.credit -= u8::from(!on_trial);
                    self.main.push_back(at);
                }
                _ => return Some(at),
            }
        }
    }

    /// Takes note of what the counters of `host` take by now. Where all together take too much,
    /// they are `cut`, and if that does not suffice, hosts leave as they do for others.
    #[inline]
    pub fn weigh(&mut self, host: HostAddr, cut: impl FnOnce(&mut V)) {
        let at = self.find(host).unwrap_or(u32::MAX);
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        self.octets -= slot.weight();
        slot.weigh();
        if self.octets + slot.weight() > self.bound.octets {
            cut(&mut slot.value);
            slot.weigh();
        }
        self.octets += slot.weight();
        if self.octets > self.bound.octets {
            self.relieve();
        }
    }

    /// The same of all, where all may have grown: those leave whose turn it is.
    pub(super) fn weigh_all(&mut self) {
        self.octets = 0;
        for slot in self.slots.iter_mut().filter(|slot| slot.taken) {
            slot.weigh();
            self.octets += slot.weight();
        }
        self.relieve();
    }

    fn relieve(&mut self) {
        while self.octets > self.bound.octets && self.len() > 1 {
            self.evict();
        }
    }

    /// The counters of `host`, if it is in the table.
    #[must_use]
    #[inline]
    pub fn get(&self, host: HostAddr) -> Option<&V> {
        let slot = self.slots.get(self.find(host)? as usize)?;
        Some(&slot.value)
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, host: HostAddr) -> Option<&mut V> {
        let at = self.find(host)?;
        let slot = self.slots.get_mut(at as usize)?;
        Some(&mut slot.value)
    }

    /// Every host in the table, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (HostAddr, &mut V)> {
        let known = self.slots.iter_mut().filter(|slot| slot.taken);
        known.map(|slot| (slot.host, &mut slot.value))
    }

    /// The hosts in the table, in no order.
    pub(super) fn hosts(&self) -> impl Iterator<Item = HostAddr> + '_ {
        let known = self.slots.iter().filter(|slot| slot.taken);
        known.map(|slot| slot.host)
    }

    /// How many hosts are in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether the table is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many hosts had to leave.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes every host out, in no order.
    pub fn drain(&mut self) -> impl Iterator<Item = (HostAddr, V)> + '_ {
        self.index.clear();
        self.trial.clear();
        self.main.clear();
        self.free.clear();
        self.octets = 0;
        let known = self.slots.drain(..).filter(|slot| slot.taken);
        known.map(|slot| (slot.host, slot.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Weigh for u64 {
        fn octets(&self) -> usize {
            0
        }
    }

    impl Weigh for Vec<u8> {
        fn octets(&self) -> usize {
            self.len()
        }
    }

    fn hosts(hosts: usize) -> Bound {
        let octets = usize::MAX;
        Bound { hosts, octets }
    }

    #[test]
    fn who_takes_too_much_is_cut_and_then_others_leave() {
        const PLACE: usize = Slot::<Vec<u8>>::PLACE;
        let octets = 8 * PLACE + 7_000;
        let mut table = HostTable::<Vec<u8>>::new(Bound { hosts: 100, octets });
        for number in 0..8 {
            for _ in 0..2 {
                table.entry(host(number));
            }
        }
        let mut grow = |number, by| {
            table.entry(host(number)).resize(by, 0);
            table.weigh(host(number), |value| value.truncate(4_000));
            (table.len(), table.evicted(), table.octets)
        };
        assert_eq!(grow(3, 6_000), (8, 0, 8 * PLACE + 6_000));
        // Only the one that grows gives something up; that is not enough.
        let (left, evicted, now) = grow(4, 5_000);
        assert!(now <= octets, "{now}");
        assert_eq!(
            (left + usize::try_from(evicted).unwrap(), evicted > 0),
            (8, true)
        );
        let held: usize = table.drain().map(|(_, value)| PLACE + value.len()).sum();
        assert_eq!(held, now);
        assert_eq!((table.len(), table.octets), (0, 0));
    }

    fn host(number: u32) -> HostAddr {
        HostAddr::from_v4(number.to_be_bytes())
    }

    #[test]
    fn a_flood_of_single_packets_evicts_its_own() {
        let mut table = HostTable::<u64>::new(hosts(10));
        for stay in 0..5 {
            for _ in 0..3 {
                *table.entry(host(stay)) += 1;
            }
        }
        for spoofed in 1000..101_000 {
            *table.entry(host(spoofed)) += 1;
            // Each of the five speaks now and then.
            if spoofed % 10 == 0 {
                *table.entry(host(spoofed / 10 % 5)) += 1;
            }
        }
        assert_eq!(table.len(), 10);
        assert_eq!(table.evicted(), 100_000 - 5);
        for stay in 0..5 {
            assert_eq!(table.get_mut(host(stay)), Some(&mut 2003));
        }
    }

    #[test]
    fn a_saved_table_goes_on_and_a_smaller_one_keeps_the_regulars() {
        let mut table = HostTable::<u64>::new(hosts(20));
        for number in (0..50).chain(0..5).chain(40..45) {
            *table.entry(host(number)) += 1;
        }
        let evicted = table.evicted();
        let octets = postcard::to_allocvec(&table).unwrap();
        let saved = || postcard::from_bytes::<Saved<u64>>(&octets).unwrap();
        let mut small = saved().table(hosts(7)).unwrap();
        assert_eq!((small.len(), small.evicted()), (7, evicted + 13));
        assert!(small.get_mut(host(4)).is_some());
        let mut back = saved().table(hosts(20)).unwrap();
        for number in 30..70 {
            *table.entry(host(number)) += 1;
            *back.entry(host(number)) += 1;
        }
        let octets = |table| postcard::to_allocvec(table).unwrap();
        assert_eq!(octets(&table), octets(&back));
    }

    #[test]
    fn a_host_that_stands_twice_makes_no_table() {
        let one = (host(1), 0_u8, 0_u64);
        let octets = postcard::to_allocvec(&(0_u64, [one].to_vec(), [one].to_vec())).unwrap();
        let saved = postcard::from_bytes::<Saved<u64>>(&octets).unwrap();
        assert!(saved.table(hosts(9)).is_none());
    }

    proptest! {
        #[test]
        fn below_the_bound_it_is_a_map(asks in proptest::collection::vec(0_u32..20, 0..200)) {
            let mut table = HostTable::<u64>::new(hosts(20));
            let mut exact = std::collections::BTreeMap::new();
            for &number in &asks {
                *table.entry(host(number)) += 1;
                *exact.entry(host(number)).or_insert(0) += 1;
            }
            prop_assert_eq!(table.evicted(), 0);
            let mut all: Vec<_> = table.drain().collect();
            all.sort_unstable();
            prop_assert_eq!(all, exact.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn the_bound_holds(asks in proptest::collection::vec(0_u32..50, 0..400)) {
            let mut table = HostTable::<u64>::new(hosts(7));
            for &number in &asks {
                *table.entry(host(number)) += 1;
                prop_assert!(table.len() <= 7);
                prop_assert!(table.get_mut(host(number)).is_some());
            }
        }
    }
}
