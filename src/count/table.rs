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
    trial: VecDeque<u32>,
    main: VecDeque<u32>,
    bound: usize,
    evicted: u64,
}

/// In this order, so that what is looked at for each packet lies together.
#[derive(Debug)]
#[repr(C)]
struct Slot<V> {
    host: HostAddr,
    credit: u8,
    value: V,
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

impl<V: Default> Saved<V> {
    /// The table, for at most `bound` hosts: where there were more, those leave whose turn it
    /// was. `None` where a host stands twice.
    pub(super) fn table(mut self, bound: usize) -> Option<HostTable<V>> {
        let mut table = HostTable::new(bound);
        while self.trial.len() + self.main.len() > table.bound {
            let _ = self.trial.pop_front().or_else(|| self.main.pop_front());
            self.evicted += 1;
        }
        table
            .slots
            .reserve_exact(self.trial.len() + self.main.len());
        table.evicted = self.evicted;
        for (hosts, on_trial) in [(self.trial, true), (self.main, false)] {
            for (host, credit, value) in hosts {
                if table.find(host).is_some() {
                    return None;
                }
                let at = table.push(host, value);
                let slot = table.slots.last_mut()?;
                slot.credit = credit.min(MOST_CREDIT);
                let queue = if on_trial {
                    &mut table.trial
                } else {
                    &mut table.main
                };
                queue.push_back(at);
            }
        }
        Some(table)
    }
}

impl<V: Default> HostTable<V> {
    /// An empty table for at most `bound` hosts (at least one).
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self {
            index: HashTable::new(),
            hasher: RandomState::default(),
            slots: Vec::new(),
            trial: VecDeque::new(),
            main: VecDeque::new(),
            // As many as places have numbers.
            bound: bound.clamp(1, u32::MAX as usize),
            evicted: 0,
        }
    }

    /// The slot of `host`.
    #[inline]
    fn find(&self, host: HostAddr) -> Option<u32> {
        let is = |at: &u32| {
            self.slots
                .get(*at as usize)
                .is_some_and(|it| it.host == host)
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
        let at = if let Some(at) = self.vacate() {
            self.evicted += 1;
            self.replace(at, host);
            at
        } else {
            self.push(host, V::default())
        };
        self.trial.push_back(at);
        at
    }

    /// Puts a host into a slot of its own.
    fn push(&mut self, host: HostAddr, value: V) -> u32 {
        if self.slots.len() == self.slots.capacity() {
            let more = self.slots.len() / GROWTH + 1;
            self.slots.reserve_exact(more);
        }
        let at = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot {
            host,
            credit: 0,
            value,
        });
        self.point(host, at);
        at
    }

    /// Puts a host into the slot of another.
    fn replace(&mut self, at: u32, host: HostAddr) {
        if let Some(slot) = self.slots.get_mut(at as usize) {
            let hash = self.hasher.hash_one(slot.host);
            if let Ok(entry) = self.index.find_entry(hash, |other| *other == at) {
                entry.remove();
            }
            *slot = Slot {
                host,
                credit: 0,
                value: V::default(),
            };
        }
        self.point(host, at);
    }

    /// Makes the index lead to the slot of a host.
    fn point(&mut self, host: HostAddr, at: u32) {
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
    }

    /// A place to use again, where the table is at its bound. Ends, since each step takes a
    /// host off the trial queue or a credit off one in the main queue.
    fn vacate(&mut self) -> Option<u32> {
        if self.slots.len() < self.bound {
            return None;
        }
        loop {
            let on_trial = self.trial.len() > self.bound / TRIAL || self.main.is_empty();
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

    /// The counters of `host`, if it is in the table.
    #[inline]
    pub fn get_mut(&mut self, host: HostAddr) -> Option<&mut V> {
        let at = self.find(host)?;
        let slot = self.slots.get_mut(at as usize)?;
        Some(&mut slot.value)
    }

    /// The counters of `host`, if it is in the table.
    #[must_use]
    #[inline]
    pub fn get(&self, host: HostAddr) -> Option<&V> {
        let slot = self.slots.get(self.find(host)? as usize)?;
        Some(&slot.value)
    }

    /// Every host in the table, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (HostAddr, &mut V)> {
        let slots = self.slots.iter_mut();
        slots.map(|slot| (slot.host, &mut slot.value))
    }

    /// The hosts in the table, in no order.
    pub(super) fn hosts(&self) -> impl Iterator<Item = HostAddr> + '_ {
        self.slots.iter().map(|slot| slot.host)
    }

    /// How many hosts are in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the table is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
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
        self.slots.drain(..).map(|slot| (slot.host, slot.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(number: u32) -> HostAddr {
        HostAddr::from_v4(number.to_be_bytes())
    }

    #[test]
    fn a_flood_of_single_packets_evicts_its_own() {
        let mut table = HostTable::<u64>::new(10);
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
        let mut table = HostTable::<u64>::new(20);
        for number in (0..50).chain(0..5).chain(40..45) {
            *table.entry(host(number)) += 1;
        }
        let evicted = table.evicted();
        let octets = postcard::to_allocvec(&table).unwrap();
        let saved = || postcard::from_bytes::<Saved<u64>>(&octets).unwrap();
        let mut small = saved().table(7).unwrap();
        assert_eq!((small.len(), small.evicted()), (7, evicted + 13));
        assert!(small.get_mut(host(4)).is_some());
        let mut back = saved().table(20).unwrap();
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
        assert!(saved.table(9).is_none());
    }

    proptest! {
        #[test]
        fn below_the_bound_it_is_a_map(hosts in proptest::collection::vec(0_u32..20, 0..200)) {
            let mut table = HostTable::<u64>::new(20);
            let mut exact = std::collections::BTreeMap::new();
            for &number in &hosts {
                *table.entry(host(number)) += 1;
                *exact.entry(host(number)).or_insert(0) += 1;
            }
            prop_assert_eq!(table.evicted(), 0);
            let mut all: Vec<_> = table.drain().collect();
            all.sort_unstable();
            prop_assert_eq!(all, exact.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn the_bound_holds(hosts in proptest::collection::vec(0_u32..50, 0..400)) {
            let mut table = HostTable::<u64>::new(7);
            for &number in &hosts {
                *table.entry(host(number)) += 1;
                prop_assert!(table.len() <= 7);
                prop_assert!(table.get_mut(host(number)).is_some());
            }
        }
    }
}
