//! How a host's mail connections follow its mail lookups, second by second: exact integer sums
//! for each lag, from which R² follows.
//!
//! m is the number of lookups of a second: MX queries, and A queries for mail hosts by keyword
//! (exact and numbered). AAAA queries are left out, since who has both protocols asks for both
//! addresses of a name, and one lookup would count as two; the copies of a doubled mirror port
//! are left out likewise. c is the number of TCP connections begun to mail ports.

use super::open::Open;
use serde::{Deserialize, Serialize};

/// Seconds that a connection may be behind its lookup: 0 to 8. A lookup and the connection that
/// it is for are milliseconds apart, and a resolver that fails over takes 5 s (`timeout` of
/// resolv.conf(5)).
pub const LAGS: usize = 9;

/// Seconds before the open one whose lookups can still be followed.
const EDGE: usize = LAGS - 1;

/// Exact sums over all seconds from a host's first lookup or connection on.
///
/// Before its first second and behind its last one, a series is 0. For a lag L, the pairs of
/// m(t − L) and c(t) run over every t from the first second to 8 s behind the last,
/// so that each lookup and each connection is in exactly one pair of each lag: Σm, Σm², Σc, Σc²
/// and n are the same for all lags.
///
/// 64 bits hold a century of a thousand a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouplingSums {
    /// Σm.
    pub m: u64,
    /// Σm².
    pub mm: u64,
    /// Σc.
    pub c: u64,
    /// Σc².
    pub cc: u64,
    /// Σ m(t − L) c(t), by L.
    pub mc: [u64; LAGS],
    /// The first second and the last one with a lookup or a connection.
    pub span: Option<(i64, i64)>,
    /// m of the last seconds, backwards.
    tail: [u32; EDGE],
}

impl CouplingSums {
    /// Adds a later second; at next to no cost where it has no connection, as of hosts of which
    /// only the DNS is seen.
    fn add(&mut self, second: i64, Bin { m, c }: Bin) {
        let (first, last) = self.span.unwrap_or((second, second));
        self.span = Some((first, second));
        let (wide_m, wide_c) = (u64::from(m), u64::from(c));
        self.m += wide_m;
        self.mm += wide_m * wide_m;
        let gap = usize::try_from(second.saturating_sub(last)).unwrap_or(usize::MAX);
        if c > 0 {
            self.c += wide_c;
            self.cc += wide_c * wide_c;
            self.mc[0] += wide_m * wide_c;
            for lag in gap..LAGS {
                let before = self.tail.get(lag - gap).copied().unwrap_or(0);
                self.mc[lag] += u64::from(before) * wide_c;
            }
        }
        let gap = gap.min(EDGE);
        self.tail.copy_within(..EDGE - gap, gap);
        self.tail[..gap].fill(0);
        self.tail[0] += m;
    }

    /// How many pairs there are of each lag; 0 without any lookup or connection.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.span
            .map_or(0, |(first, last)| last.abs_diff(first) + LAGS as u64)
    }
}

/// What a host did in a second.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Bin {
    m: u32,
    c: u32,
}

/// The open seconds of a host, and the sums of the closed ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Coupling {
    open: Open<Bin>,
    sums: CouplingSums,
    /// The sums since a period began; `None` where that was before the first second.
    #[serde(skip)]
    period: Option<Box<CouplingSums>>,
}

impl Coupling {
    /// Counts a mail lookup of `second`, while the seconds up to `closed` are closed.
    pub fn lookup(&mut self, second: i64, closed: i64) {
        self.bin(second, closed).m += 1;
    }

    /// Counts a mail connection begun in `second`, likewise.
    pub fn connection(&mut self, second: i64, closed: i64) {
        self.bin(second, closed).c += 1;
    }

    fn bin(&mut self, second: i64, closed: i64) -> &mut Bin {
        let Self { open, sums, period } = self;
        let fold = &mut |second, bin| fold(sums, period, second, bin);
        open.bin(second, closed, fold)
    }

    /// Folds the seconds up to `through` into the sums.
    pub fn close(&mut self, through: i64) {
        let Self { open, sums, period } = self;
        open.close(through, &mut |second, bin| fold(sums, period, second, bin));
    }

    /// Begins a period with the next second that is closed.
    pub(super) fn begin(&mut self) {
        if self.period.is_some() || self.sums.span.is_some() {
            **self.period.get_or_insert_default() = CouplingSums::default();
        }
    }

    /// The sums since the period began.
    pub(super) fn period(&self) -> &CouplingSums {
        self.period.as_deref().unwrap_or(&self.sums)
    }

    /// The sums of the closed seconds.
    #[must_use]
    pub fn sums(&self) -> &CouplingSums {
        &self.sums
    }
}

fn fold(sums: &mut CouplingSums, period: &mut Option<Box<CouplingSums>>, second: i64, bin: Bin) {
    sums.add(second, bin);
    if let Some(period) = period {
        period.add(second, bin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn sums(bins: &[(i64, Bin)]) -> CouplingSums {
        let mut sums = CouplingSums::default();
        for &(second, bin) in bins {
            sums.add(second, bin);
        }
        sums
    }

    fn bin(m: u32, c: u32) -> Bin {
        Bin { m, c }
    }

    /// The definition, pair by pair.
    fn pairs(bins: &[(i64, Bin)], lag: i64) -> Vec<(u64, u64)> {
        let all: BTreeMap<i64, Bin> = bins.iter().copied().collect();
        let at = |second| all.get(&second).copied().unwrap_or_default();
        let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
            return Vec::new();
        };
        let pair = |t: i64| (at(t - lag).m.into(), at(t).c.into());
        (first.0..=last.0 + 8).map(pair).collect()
    }

    #[test]
    fn sums_by_hand() {
        let sums = sums(&[(10, bin(3, 0)), (12, bin(1, 2)), (21, bin(0, 5))]);
        assert_eq!((sums.m, sums.mm, sums.c, sums.cc), (4, 10, 7, 29));
        assert_eq!(sums.mc, [2, 0, 6, 0, 0, 0, 0, 0, 0]);
        assert_eq!((sums.span, sums.pairs()), (Some((10, 21)), 20));
    }

    #[test]
    fn a_gap_of_years_and_the_ends_of_time() {
        let mut coupling = Coupling::default();
        for second in [-9_000_000_000, 0, 9_000_000_000] {
            coupling.lookup(second, second - 3);
            coupling.connection(second + 2, second - 1);
        }
        coupling.close(i64::MAX);
        assert_eq!(coupling.sums().mc, [0, 0, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(coupling.sums().pairs(), 18_000_000_011);
    }

    proptest! {
        #[test]
        fn the_sums_are_those_of_the_definition(
            steps in proptest::collection::vec((1_i64..12, 0_u32..50, 0_u32..50), 0..60),
        ) {
            let mut second = 100;
            let mut bins = Vec::new();
            for (step, m, c) in steps {
                second += step;
                bins.push((second, bin(m, c)));
            }
            let whole = sums(&bins);
            for lag in 0..LAGS {
                let pairs = pairs(&bins, i64::try_from(lag).unwrap());
                let sum = |each: fn(&(u64, u64)) -> u64| pairs.iter().map(each).sum::<u64>();
                prop_assert_eq!(pairs.len() as u64, whole.pairs());
                prop_assert_eq!(sum(|(m, _)| *m), whole.m);
                prop_assert_eq!(sum(|(m, _)| m * m), whole.mm);
                prop_assert_eq!(sum(|(_, c)| *c), whole.c);
                prop_assert_eq!(sum(|(_, c)| c * c), whole.cc);
                prop_assert_eq!(sum(|(m, c)| m * c), whole.mc[lag]);
            }
        }

        #[test]
        fn order_within_the_open_seconds_does_not_matter(
            offsets in proptest::collection::vec((0_i64..3, any::<bool>()), 1..200)
        ) {
            let mut coupling = Coupling::default();
            let mut exact = BTreeMap::<i64, Bin>::new();
            let mut newest = 50;
            for (index, &(behind, lookup)) in offsets.iter().enumerate() {
                newest += i64::from(index % 5 == 0);
                let second = newest - behind;
                let bin = exact.entry(second).or_default();
                if lookup {
                    coupling.lookup(second, newest - 3);
                    bin.m += 1;
                } else {
                    coupling.connection(second, newest - 3);
                    bin.c += 1;
                }
            }
            coupling.close(i64::MAX);
            let bins: Vec<_> = exact.into_iter().collect();
            prop_assert_eq!(*coupling.sums(), sums(&bins));
        }
    }
}
