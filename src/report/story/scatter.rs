//! All A queries of a second against those for mail keywords, the study's Figure 8: pairs with how
//! many seconds each had.

use crate::count::series::Bin;
use std::collections::BTreeMap;

/// Distinct pairs at most.
pub const PAIRS: usize = 1_000;

/// Pairs of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scatter {
    pairs: BTreeMap<(u32, u32), u64>,
    /// Both counts are cut down to multiples of this; 1: they are as they were.
    grid: u32,
}

impl Default for Scatter {
    fn default() -> Self {
        Self {
            pairs: BTreeMap::new(),
            grid: 1,
        }
    }
}

impl Scatter {
    /// Adds a second with A queries.
    pub fn add(&mut self, bin: &Bin) {
        if bin.t == 0 {
            return;
        }
        self.put((bin.t, bin.exact + bin.numbered), 1);
        while self.pairs.len() > PAIRS {
            self.grid = self.grid.saturating_mul(2);
            for (pair, seconds) in std::mem::take(&mut self.pairs) {
                self.put(pair, seconds);
            }
        }
    }

    /// The pairs, all A queries first, each with its number of seconds.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
        self.pairs.iter().map(|(&(t, k), &seconds)| (t, k, seconds))
    }

    /// What the counts were cut down to multiples of.
    #[must_use]
    pub fn grid(&self) -> u32 {
        self.grid
    }

    fn put(&mut self, (t, k): (u32, u32), seconds: u64) {
        let pair = (t / self.grid * self.grid, k / self.grid * self.grid);
        *self.pairs.entry(pair).or_insert(0) += seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(t: u32, exact: u32) -> Bin {
        Bin {
            t,
            exact,
            ..Bin::default()
        }
    }

    #[test]
    fn a_coarser_grid_keeps_every_second() {
        let mut scatter = Scatter::default();
        scatter.add(&bin(0, 0));
        scatter.add(&bin(3, 2));
        scatter.add(&bin(3, 2));
        assert_eq!(scatter.pairs().collect::<Vec<_>>(), [(3, 2, 2)]);
        for t in 0..20_000 {
            scatter.add(&bin(t + 1, t / 3));
        }
        assert!(scatter.grid() > 1 && scatter.pairs().count() <= PAIRS);
        assert_eq!(scatter.pairs().map(|(_, _, n)| n).sum::<u64>(), 20_002);
    }
}
