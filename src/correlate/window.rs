//! Keys seen within a span of packet time.

use crate::time::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The distinct keys of the last `span` nanoseconds, each with the time it was last seen and
/// a value; at most `bound` of them. At the bound the key unseen for longest leaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Saved<V>", bound(deserialize = "V: Deserialize<'de>"))]
pub struct Window<V = ()> {
    span: i64,
    bound: usize,
    #[serde(with = "crate::sorted::map", bound(serialize = "V: Serialize"))]
    entries: HashMap<u64, (Timestamp, V), RandomState>,
    /// Follows from the entries.
    #[serde(skip)]
    by_time: BTreeSet<(Timestamp, u64)>,
    /// No key was last seen before this: mostly there is nothing to drop, and no need to look.
    #[serde(skip)]
    eldest: Timestamp,
}

/// A window as it is saved.
#[derive(Deserialize)]
struct Saved<V> {
    span: i64,
    bound: usize,
    #[serde(
        with = "crate::sorted::map",
        bound(deserialize = "V: Deserialize<'de>")
    )]
    entries: HashMap<u64, (Timestamp, V), RandomState>,
}

impl<V> From<Saved<V>> for Window<V> {
    fn from(saved: Saved<V>) -> Self {
        let entries = saved.entries.iter();
        Self {
            span: saved.span,
            bound: saved.bound,
            by_time: entries.map(|(key, (time, _))| (*time, *key)).collect(),
            eldest: Timestamp::MIN,
            entries: saved.entries,
        }
    }
}

impl<V: Default> Window<V> {
    /// An empty window.
    #[must_use]
    pub fn new(span: i64, bound: usize) -> Self {
        Self {
            span,
            bound,
            entries: HashMap::default(),
            by_time: BTreeSet::new(),
            eldest: Timestamp::MIN,
        }
    }

    /// Sees `key` at `time`: when it was last seen before, within the window, and its value.
    pub fn touch(&mut self, key: u64, time: Timestamp) -> (Option<Timestamp>, &mut V) {
        self.expire(time);
        let known = self.entries.contains_key(&key);
        if !known
            && self.entries.len() >= self.bound
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.entries.remove(&oldest);
        }
        let (last, value) = self
            .entries
            .entry(key)
            .or_insert_with(|| (time, V::default()));
        let before = known.then_some(*last);
        if time > *last {
            self.by_time.remove(&(*last, key));
            *last = time;
        }
        self.by_time.insert((*last, key));
        self.eldest = self.eldest.min(*last);
        (before, value)
    }

    /// Takes in what another window of the same kind holds; of a key in both the newer value.
    pub fn merge(&mut self, other: &Self)
    where
        V: Clone,
    {
        for (&key, (time, value)) in &other.entries {
            if let Some((mine, _)) = self.entries.get(&key) {
                if mine >= time {
                    continue;
                }
                self.by_time.remove(&(*mine, key));
            }
            self.entries.insert(key, (*time, value.clone()));
            self.by_time.insert((*time, key));
            self.eldest = self.eldest.min(*time);
        }
        while self.entries.len() > self.bound
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }

    /// The keys that another window of the same kind holds as well, with the values here.
    pub fn common<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (u64, &'a V)> {
        let both = self
            .entries
            .iter()
            .filter(|(key, _)| other.entries.contains_key(*key));
        both.map(|(key, (_, value))| (*key, value))
    }

    /// When `key` was last seen, and its value, if that lies within the window at `now`.
    #[must_use]
    pub fn get(&self, key: u64, now: Timestamp) -> Option<(Timestamp, &V)> {
        let (last, value) = self.entries.get(&key)?;
        (now.nanos_since(*last) <= self.span).then_some((*last, value))
    }

    /// The value of `key`, if that lies within the window at `now`.
    pub fn get_mut(&mut self, key: u64, now: Timestamp) -> Option<&mut V> {
        let (last, value) = self.entries.get_mut(&key)?;
        (now.nanos_since(*last) <= self.span).then_some(value)
    }

    /// Memory beside the struct itself: by how many keys there are, so that it is the same in every
    /// run. A place of a hash table, of which a third is empty, and one of a tree.
    pub(super) fn octets(&self) -> usize {
        let place = size_of::<(u64, (Timestamp, V))>();
        let few = if self.entries.is_empty() { 0 } else { 256 };
        few + self.entries.len() * (place * 3 / 2 + 24)
    }

    /// How many keys the window holds, as of the last [`Window::expire`] or touch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many keys lie within the window at `now`.
    #[must_use]
    pub fn since(&self, now: Timestamp) -> usize {
        let gone = |(time, _): &&(Timestamp, u64)| now.nanos_since(*time) > self.span;
        self.by_time.len() - self.by_time.iter().take_while(gone).count()
    }

    /// Whether the window holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops what lies before the window at `now`.
    pub fn expire(&mut self, now: Timestamp) {
        let gone = |time: Timestamp| now.nanos_since(time) > self.span;
        if !gone(self.eldest) {
            return;
        }
        while let Some(&(time, key)) = self.by_time.first()
            && gone(time)
        {
            self.by_time.pop_first();
            self.entries.remove(&key);
        }
        let first = self.by_time.first();
        self.eldest = first.map_or(now, |(time, _)| *time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    #[test]
    fn keys_stay_for_the_span_since_they_were_last_seen() {
        let mut window = Window::<u8>::new(10_000_000_000, 100);
        assert_eq!(window.touch(1, at(0)).0, None);
        assert_eq!(window.touch(2, at(5)).0, None);
        assert_eq!(window.touch(1, at(8)).0, Some(at(0)));
        assert_eq!(window.touch(1, at(8)).0, Some(at(8)));
        window.expire(at(16));
        assert_eq!(window.len(), 1);
        assert!(window.get(1, at(18)).is_some() && window.get(1, at(19)).is_none());
    }

    #[test]
    fn two_windows_hold_the_newest_of_both() {
        let mut windows = [(); 2].map(|()| Window::<u8>::new(10_000_000_000, 3));
        for (window, keys) in windows.iter_mut().zip([[(1, 1), (2, 8)], [(1, 4), (3, 3)]]) {
            for (key, second) in keys {
                *window.touch(key, at(second)).1 = u8::try_from(10 * second).unwrap();
            }
        }
        let [mut one, mut other] = windows;
        let mut same = one.clone();
        same.merge(&other);
        other.merge(&one);
        for both in [&same, &other] {
            let all: Vec<_> = (1..4).map(|key| both.get(key, at(8)).unwrap()).collect();
            assert_eq!(all, [(at(4), &40), (at(8), &80), (at(3), &30)]);
            assert_eq!(both.by_time.len(), 3);
        }
        // At the bound the oldest leave.
        one.touch(4, at(9));
        one.merge(&same);
        assert!(one.get(3, at(9)).is_none() && one.get(1, at(9)).is_some());
        assert_eq!((one.len(), one.by_time.len()), (3, 3));
    }

    #[test]
    fn at_the_bound_the_oldest_leaves() {
        let mut window = Window::<u8>::new(10_000_000_000, 2);
        *window.touch(1, at(0)).1 = 7;
        window.touch(2, at(1));
        window.touch(1, at(2));
        window.touch(3, at(3));
        assert!(window.get(2, at(3)).is_none());
        assert_eq!(window.get(1, at(3)), Some((at(2), &7)));
        assert_eq!(window.len(), 2);
    }
}
