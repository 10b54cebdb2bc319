//! Rates, as a sensor tells them with its totals.

use super::super::status::{Rates, Snapshot};
use crate::time::Timestamp;
use std::collections::VecDeque;

/// Rates that are remembered: more than a line of any terminal shows.
const KEPT: usize = 512;

/// Rates between totals, the newest last.
#[derive(Clone, Debug, Default)]
pub struct History {
    newest: Option<Timestamp>,
    rates: VecDeque<Rate>,
}

/// What happened in a second, between two totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Packets read.
    pub packets: u64,
    /// Packets lost: dropped by the kernel, or thrown away.
    pub lost: u64,
}

impl Rate {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, and a screen wants no more"
    )]
    fn of(rates: Rates) -> Self {
        let Rates {
            packets,
            dropped,
            shed,
        } = rates;
        Self {
            packets: packets.round() as u64,
            // Any loss is to be seen.
            lost: (dropped + shed).ceil() as u64,
        }
    }
}

impl History {
    /// Takes the rates in, where they are new.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let before = self.newest;
        self.newest = snapshot.stats_at.or(before);
        let Some(rates) = snapshot.rates.filter(|_| self.newest != before) else {
            return;
        };
        if self.rates.len() == KEPT {
            self.rates.pop_front();
        }
        self.rates.push_back(Rate::of(rates));
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

    fn at(second: i64, packets: f64, shed: f64) -> Snapshot {
        let rates = Rates {
            packets,
            dropped: 0.0,
            shed,
        };
        Snapshot {
            stats_at: Some(Timestamp::from_parts(second, 0)),
            rates: Some(rates),
            ..snapshot()
        }
    }

    #[test]
    fn rates_come_with_new_totals() {
        let mut history = History::default();
        let first = Snapshot {
            rates: None,
            ..at(100, 0.0, 0.0)
        };
        history.add(&first);
        assert_eq!(history.now(), None);
        history.add(&at(110, 500.4, 0.1));
        let rate = Rate {
            packets: 500,
            lost: 1,
        };
        assert_eq!(history.now(), Some(rate));
        // Asked again before there are new totals.
        history.add(&at(110, 500.4, 0.1));
        assert_eq!(history.last(9).count(), 1);
        history.add(&at(120, f64::NAN, -1.0));
        assert_eq!(history.now(), Some(Rate::default()));
    }

    #[test]
    fn so_many_are_remembered() {
        let mut history = History::default();
        for second in 0..1_000 {
            history.add(&at(second, 1.0, 0.0));
        }
        assert_eq!(history.last(usize::MAX).count(), KEPT);
        assert_eq!(history.last(3).count(), 3);
    }
}
