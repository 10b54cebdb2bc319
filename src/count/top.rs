//! Counts of the most frequent keys in bounded memory.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// How often each key was seen: exact while fewer than `N` distinct ones have come, and
/// afterwards a lower bound that is at most [`TopCounts::error`] too small (Misra and Gries,
/// "Finding repeated elements", 1982).
///
/// At the bound, a new key takes one off every count, and keys at zero leave. That costs no
/// more than the additions that it undoes, so that adding stays cheap on average whatever
/// the keys, and needs no search for the smallest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Ord + Serialize",
    deserialize = "K: Eq + Hash + Deserialize<'de>"
))]
pub struct TopCounts<K, const N: usize> {
    #[serde(with = "crate::sorted::map")]
    counts: HashMap<K, u64, RandomState>,
    error: u64,
}

impl<K, const N: usize> Default for TopCounts<K, N> {
    fn default() -> Self {
        Self {
            counts: HashMap::default(),
            error: 0,
        }
    }
}

impl<K: Copy + Eq + Hash + Ord, const N: usize> TopCounts<K, N> {
    /// Counts `key` `times` more; whether that may have taken memory.
    #[inline]
    pub fn add(&mut self, key: K, times: u64) -> bool {
        if let Some(count) = self.counts.get_mut(&key) {
            *count += times;
            return false;
        }
        if self.counts.len() < N {
            self.counts.insert(key, times);
        } else {
            self.add_at_bound(key, times);
        }
        true
    }

    fn add_at_bound(&mut self, key: K, mut times: u64) {
        while times > 0 && self.counts.len() >= N {
            let least = self.counts.values().copied().min().unwrap_or(0).min(times);
            self.error += least;
            times -= least;
            self.counts.retain(|_, count| {
                *count -= least;
                *count > 0
            });
            if self.counts.len() < N / 2 {
                self.counts.shrink_to_fit();
            }
        }
        if times > 0 {
            self.counts.insert(key, times);
        }
    }

    /// Gives up all but the `kept` keys seen most, and the memory of the others: counts become
    /// lower bounds, as at the bound.
    pub(super) fn cut(&mut self, kept: usize) {
        let Some((_, next)) = self.top(kept + 1).pop().filter(|_| self.len() > kept) else {
            return;
        };
        self.error += next;
        self.counts.retain(|_, count| {
            *count -= next.min(*count);
            *count > 0
        });
        self.counts.shrink_to_fit();
    }

    /// Memory of the counts. By how many there are and not by what they really take, which a
    /// random seed decides: so that it is the same in every run.
    pub(super) fn octets(&self) -> usize {
        super::table_octets::<(K, u64)>(self.len())
    }

    /// How many keys are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// By how much a count can be too small at the most; 0 while all are exact.
    #[must_use]
    pub fn error(&self) -> u64 {
        self.error
    }

    /// Every key held with its count, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        self.counts.iter().map(|(&key, &count)| (key, count))
    }

    /// The `n` keys seen most, most first, equals by key.
    #[must_use]
    pub fn top(&self, n: usize) -> Vec<(K, u64)> {
        let mut all: Vec<_> = self.iter().collect();
        let most_first = |(a, x): &(K, u64), (b, y): &(K, u64)| y.cmp(x).then(a.cmp(b));
        if n > 0 && n < all.len() {
            all.select_nth_unstable_by(n - 1, most_first);
        }
        all.truncate(n);
        all.sort_unstable_by(most_first);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap as Exact;

    #[test]
    fn exact_below_the_bound() {
        let mut counts = TopCounts::<u8, 4>::default();
        for key in [1, 2, 2, 3, 3, 3, 4] {
            counts.add(key, 1);
        }
        assert_eq!(counts.top(2), [(3, 3), (2, 2)]);
        assert_eq!((counts.len(), counts.error()), (4, 0));
    }

    #[test]
    fn a_frequent_key_survives_a_flood_of_others() {
        let mut counts = TopCounts::<u32, 8>::default();
        for key in 100..10_100 {
            counts.add(key, 1);
            counts.add(7, 1);
        }
        assert_eq!(counts.top(1).first().map(|&(key, _)| key), Some(7));
        assert!(counts.len() <= 8);
    }

    #[test]
    fn what_is_cut_leaves_lower_bounds() {
        let mut counts = TopCounts::<u32, 1_024>::default();
        for key in 1..=1_000 {
            counts.add(key, key.into());
        }
        let before = counts.octets();
        counts.cut(10);
        assert_eq!(counts.top(3), [(1_000, 10), (999, 9), (998, 8)]);
        assert_eq!((counts.len(), counts.error()), (10, 990));
        assert!(counts.octets() * 10 < before);
        counts.cut(10);
        assert_eq!((counts.len(), counts.error()), (10, 990));
    }

    proptest! {
        #[test]
        fn counts_are_lower_bounds_within_the_error(
            keys in proptest::collection::vec((0_u8..40, 1_u64..5), 0..400)
        ) {
            let mut counts = TopCounts::<u8, 8>::default();
            let mut exact = Exact::new();
            for &(key, times) in &keys {
                counts.add(key, times);
                *exact.entry(key).or_insert(0) += times;
            }
            let total: u64 = exact.values().sum();
            prop_assert!(counts.len() <= 8);
            prop_assert!(counts.error() <= total / 9);
            for (key, &truth) in &exact {
                let held = counts.iter().find(|(k, _)| k == key).map_or(0, |(_, count)| count);
                prop_assert!(held <= truth && truth - held <= counts.error());
            }
        }
    }
}
