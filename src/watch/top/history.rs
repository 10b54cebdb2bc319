//! Rates, by the totals of a sensor as it took them.

use super::super::status::Snapshot;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// Rates that are remembered: more than a line of any terminal shows.
const KEPT: usize = 512;

/// Rates between totals, the newest last.
#[derive(Clone, Debug, Default)]
pub struct History {
    newest: Option<(Timestamp, Counted)>,
    rates: VecDeque<Rate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    seen: u64,
    lost: u64,
}

/// What happened in a second, between two totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Packets read.
    pub packets: u64,
    /// Packets lost: dropped by the kernel or the interface, or thrown away.
    pub lost: u64,
}

impl History {
    /// Takes totals in, where they are new. A sensor that began anew has no rate yet.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let Some(at) = snapshot.stats_at else {
            return;
        };
        let stats = &snapshot.stats;
        let kernel = stats.kernel.unwrap_or_default();
        let now = Counted {
            seen: stats.packets.seen,
            lost: kernel.dropped + kernel.if_dropped + stats.packets.shed,
        };
        let before = self.newest.replace((at, now));
        let Some((since, before)) = before.filter(|(since, _)| *since != at) else {
            return;
        };
        let millis = u64::try_from(at.nanos_since(since) / 1_000_000).unwrap_or_default();
        let (Some(packets), Some(lost)) = (
            now.seen.checked_sub(before.seen),
            now.lost.checked_sub(before.lost),
        ) else {
            return;
        };
        let per_second = |number: u64| {
            let number = u128::from(number) * 1000 / u128::from(millis.max(1));
            u64::try_from(number).unwrap_or(u64::MAX)
        };
        if self.rates.len() == KEPT {
            self.rates.pop_front();
        }
        self.rates.push_back(Rate {
            packets: per_second(packets),
            lost: per_second(lost),
        });
    }

    /// The newest rate.
    #[must_use]
    pub fn now(&self) -> Option<Rate> {
        self.rates.back().copied()
    }

    /// The newest rates, as many as that, the newest last.
    pub fn last(&self, count: usize) -> impl Iterator<Item = Rate> {
        let skipped = self.rates.len().saturating_sub(count);
        self.rates.iter().skip(skipped).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::status::tests::snapshot;
    use super::*;

    fn at(second: i64, seen: u64, shed: u64) -> Snapshot {
        let mut snapshot = snapshot();
        snapshot.stats_at = Some(Timestamp::from_parts(second, 0));
        snapshot.stats.packets.seen = seen;
        snapshot.stats.packets.shed = shed;
        snapshot
    }

    #[test]
    fn rates_are_between_totals() {
        let mut history = History::default();
        history.add(&at(100, 1_000, 0));
        assert_eq!(history.now(), None);
        history.add(&at(110, 6_000, 20));
        let rate = Rate {
            packets: 500,
            lost: 2,
        };
        assert_eq!(history.now(), Some(rate));
        // Asked again before there are new totals.
        history.add(&at(110, 6_000, 20));
        assert_eq!(history.last(9).count(), 1);
        // Began anew.
        history.add(&at(120, 10, 0));
        history.add(&at(121, 30, 0));
        let packets: Vec<_> = history.last(9).map(|rate| rate.packets).collect();
        assert_eq!(packets, [500, 20]);
    }

    #[test]
    fn so_many_are_remembered() {
        let mut history = History::default();
        for second in 0..1_000 {
            history.add(&at(second, second.unsigned_abs() * 7, 0));
        }
        assert_eq!(history.last(usize::MAX).count(), KEPT);
        assert_eq!(history.last(3).count(), 3);
    }
}
