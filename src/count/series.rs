//! A host's A queries per second: all of them (T) and those for mail keywords (K), folded
//! second by second into exact integer sums from which R² follows.

use super::open::Open;
use crate::keywords::Tier;
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// A queries of one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bin {
    /// All.
    pub t: u32,
    /// First label equal to a keyword.
    pub exact: u32,
    /// First label a keyword with a number.
    pub numbered: u32,
    /// First label that begins with a keyword otherwise.
    pub prefix: u32,
}

impl Bin {
    /// Counts one A query.
    pub fn add(&mut self, tier: Option<Tier>) {
        self.t += 1;
        match tier {
            Some(Tier::Exact) => self.exact += 1,
            Some(Tier::Numbered) => self.numbered += 1,
            Some(Tier::Prefix) => self.prefix += 1,
            None => {}
        }
    }
}

/// Sums of one keyword count k against T over the bins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeywordSums {
    /// Σk.
    pub k: u64,
    /// Σk².
    pub kk: u64,
    /// `ΣTk`.
    pub tk: u64,
}

impl KeywordSums {
    fn add(&mut self, t: u64, k: u64) {
        self.k += k;
        self.kk += k * k;
        self.tk += t * k;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            k: self.k + other.k,
            kk: self.kk + other.kk,
            tk: self.tk + other.tk,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            k: self.k.saturating_sub(other.k),
            kk: self.kk.saturating_sub(other.kk),
            tk: self.tk.saturating_sub(other.tk),
        }
    }
}

/// Exact sums over one-second bins with T > 0, in order of time.
///
/// The sums of two captures cut at the edge of a bin add up to the sums of the whole
/// ([`Sums::then`]); 64 bits hold a century of a thousand queries a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Bins with T > 0.
    pub active: u64,
    /// ΣT.
    pub t: u64,
    /// ΣT².
    pub tt: u64,
    /// K, the contract's: exact and numbered.
    pub keyword: KeywordSums,
    /// Only the exact tier.
    pub exact: KeywordSums,
    /// All three tiers.
    pub any: KeywordSums,
    /// ΣT(i)T(i+1) over neighbouring active bins, for the autocorrelation.
    pub tt_lag: u64,
    /// ΣK(i)K(i+1) likewise.
    pub kk_lag: u64,
    /// Second, T and K of the first active bin; `None` before there is one.
    pub first: Option<Edge>,
    /// The same of the last.
    pub last: Option<Edge>,
}

/// An active bin at an end of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The UTC second.
    pub second: i64,
    /// Its T.
    pub t: u64,
    /// Its K.
    pub k: u64,
}

impl Sums {
    /// Adds the bin of a later second; a bin without A queries changes nothing.
    pub fn add(&mut self, second: i64, bin: Bin) {
        if bin.t == 0 {
            return;
        }
        let t = u64::from(bin.t);
        let exact = u64::from(bin.exact);
        let k = exact + u64::from(bin.numbered);
        self.active += 1;
        self.t += t;
        self.tt += t * t;
        self.keyword.add(t, k);
        self.exact.add(t, exact);
        self.any.add(t, k + u64::from(bin.prefix));
        let edge = Edge { second, t, k };
        if let Some(last) = self.last {
            self.tt_lag += last.t * t;
            self.kk_lag += last.k * k;
        }
        self.first.get_or_insert(edge);
        self.last = Some(edge);
    }

    /// The sums of this series followed by a later one of other seconds.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        let joint = |product: fn(Edge, Edge) -> u64| {
            self.last
                .zip(later.first)
                .map_or(0, |(last, first)| product(last, first))
        };
        Self {
            active: self.active + later.active,
            t: self.t + later.t,
            tt: self.tt + later.tt,
            keyword: self.keyword.plus(later.keyword),
            exact: self.exact.plus(later.exact),
            any: self.any.plus(later.any),
            tt_lag: self.tt_lag + later.tt_lag + joint(|last, first| last.t * first.t),
            kk_lag: self.kk_lag + later.kk_lag + joint(|last, first| last.k * first.k),
            first: self.first.or(later.first),
            last: later.last.or(self.last),
        }
    }

    /// The sums of this series and of one beside it, of other packets: what was asked from another
    /// address. Seconds that are in both stay two bins.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        let earlier = |a: Edge, b: Edge| if b.second < a.second { b } else { a };
        let later = |a: Edge, b: Edge| if b.second > a.second { b } else { a };
        let either = |a: Option<Edge>, b: Option<Edge>, pick: fn(Edge, Edge) -> Edge| {
            a.zip(b).map(|(a, b)| pick(a, b)).or(a).or(b)
        };
        Self {
            active: self.active + other.active,
            t: self.t + other.t,
            tt: self.tt + other.tt,
            keyword: self.keyword.plus(other.keyword),
            exact: self.exact.plus(other.exact),
            any: self.any.plus(other.any),
            tt_lag: self.tt_lag + other.tt_lag,
            kk_lag: self.kk_lag + other.kk_lag,
            first: either(self.first, other.first, earlier),
            last: either(self.last, other.last, later),
        }
    }

    /// What came after `earlier`, a former state of this same series: the sums of a window.
    /// The neighbour product across the window's edge stays in; it is one of many. Of what is no
    /// former state of it (its counters began anew) a sum that is less counts as none.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            active: self.active.saturating_sub(earlier.active),
            t: self.t.saturating_sub(earlier.t),
            tt: self.tt.saturating_sub(earlier.tt),
            keyword: self.keyword.minus(earlier.keyword),
            exact: self.exact.minus(earlier.exact),
            any: self.any.minus(earlier.any),
            tt_lag: self.tt_lag.saturating_sub(earlier.tt_lag),
            kk_lag: self.kk_lag.saturating_sub(earlier.kk_lag),
            first: if earlier.active == 0 {
                self.first
            } else {
                earlier.last
            },
            last: self.last,
        }
    }

    /// Seconds from the first to the last A query, inclusive; 0 without any.
    #[must_use]
    pub fn span(&self) -> u64 {
        let edges = self.first.zip(self.last);
        edges.map_or(0, |(first, last)| last.second.abs_diff(first.second) + 1)
    }
}

/// The open seconds of a host, and the sums of the closed ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Series {
    open: Open<Bin>,
    closed: Closed,
    /// The sums since a period began; `None` where that was before the first second.
    #[serde(skip)]
    period: Option<Box<Sums>>,
}

/// The closed seconds with A queries. Most hosts of a flood have one, and many others few: sums
/// are made of the second.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
enum Closed {
    #[default]
    None,
    One(i64, Bin),
    More(Box<Sums>),
}

impl Closed {
    fn add(&mut self, second: i64, bin: Bin) {
        match self {
            Self::None => *self = Self::One(second, bin),
            Self::One(..) => {
                let mut sums = self.sums();
                sums.add(second, bin);
                *self = Self::More(Box::new(sums));
            }
            Self::More(sums) => sums.add(second, bin),
        }
    }

    fn sums(&self) -> Sums {
        match self {
            Self::None => Sums::default(),
            Self::One(second, bin) => {
                let mut sums = Sums::default();
                sums.add(*second, *bin);
                sums
            }
            Self::More(sums) => **sums,
        }
    }
}

impl Series {
    /// Counts an A query of `second`, while the seconds up to `closed` are closed.
    #[inline]
    pub fn add(&mut self, second: i64, closed: i64, tier: Option<Tier>) {
        let Self {
            open,
            closed: sums,
            period,
        } = self;
        let fold = &mut |second, bin| fold(sums, period, second, bin);
        open.bin(second, closed, fold).add(tier);
    }

    /// Brings the open seconds into the cache.
    #[inline]
    pub(super) fn fetch(&self) {
        black_box(self.open.holds(0));
    }

    /// Folds the seconds up to `through` into the sums.
    pub fn close(&mut self, through: i64) {
        let Self {
            open,
            closed,
            period,
        } = self;
        open.close(through, &mut |second, bin| {
            fold(closed, period, second, bin);
        });
    }

    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        let sums = |closed: &Closed| match closed {
            Closed::More(sums) => size_of_val(&**sums),
            Closed::None | Closed::One(..) => 0,
        };
        sums(&self.closed) + self.period.as_deref().map_or(0, size_of_val)
    }

    /// Begins a period with the next second that is closed.
    pub(super) fn begin(&mut self) {
        if self.period.is_some() || !matches!(self.closed, Closed::None) {
            **self.period.get_or_insert_default() = Sums::default();
        }
    }

    /// The sums since the period began.
    pub(super) fn period(&self) -> Sums {
        self.period
            .as_deref()
            .copied()
            .unwrap_or_else(|| self.sums())
    }

    /// The sums of the closed seconds.
    #[must_use]
    pub fn sums(&self) -> Sums {
        self.closed.sums()
    }
}

fn fold(closed: &mut Closed, period: &mut Option<Box<Sums>>, second: i64, bin: Bin) {
    closed.add(second, bin);
    if let Some(period) = period {
        period.add(second, bin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bin(t: u32, k: u32) -> Bin {
        Bin {
            t,
            exact: k,
            numbered: 0,
            prefix: 0,
        }
    }

    fn sums(bins: &[(i64, Bin)]) -> Sums {
        let mut sums = Sums::default();
        for &(second, bin) in bins {
            sums.add(second, bin);
        }
        sums
    }

    #[test]
    fn sums_by_hand() {
        let sums = sums(&[(10, bin(3, 2)), (11, bin(0, 0)), (14, bin(5, 1))]);
        assert_eq!((sums.active, sums.t, sums.tt), (2, 8, 34));
        assert_eq!(
            sums.keyword,
            KeywordSums {
                k: 3,
                kk: 5,
                tk: 11
            }
        );
        assert_eq!((sums.tt_lag, sums.kk_lag, sums.span()), (15, 2, 5));
    }

    #[test]
    fn tiers_are_disjoint() {
        let mut series = Series::default();
        for tier in [
            None,
            Some(Tier::Exact),
            Some(Tier::Numbered),
            Some(Tier::Prefix),
        ] {
            series.add(7, 6, tier);
        }
        series.close(7);
        let sums = series.sums();
        assert_eq!(
            (sums.t, sums.exact.k, sums.keyword.k, sums.any.k),
            (4, 1, 2, 3)
        );
    }

    #[test]
    fn a_gap_of_years_and_the_ends_of_time() {
        let mut series = Series::default();
        for second in [-9_000_000_000, 0, 9_000_000_000] {
            series.add(second, second - 3, None);
        }
        series.close(i64::MAX);
        assert_eq!(
            (series.sums().active, series.sums().span()),
            (3, 18_000_000_001)
        );
    }

    proptest! {
        #[test]
        fn two_parts_add_up_to_the_whole(
            counts in proptest::collection::vec((0_u32..50, 0_u32..50), 0..60), cut in 0_usize..60
        ) {
            let bins: Vec<_> =
                (100..).zip(counts.iter().map(|&(o, k)| bin(o + k, k))).collect();
            let (before, after) = bins.split_at(cut.min(bins.len()));
            prop_assert_eq!(sums(before).then(sums(after)), sums(&bins));
            let mut window = sums(&bins).since(sums(before));
            let alone = sums(after);
            window.first = alone.first;
            window.tt_lag = alone.tt_lag;
            window.kk_lag = alone.kk_lag;
            prop_assert_eq!(window.last.is_some(), !bins.iter().all(|(_, bin)| bin.t == 0));
            window.last = alone.last;
            prop_assert_eq!(window, alone);
        }

        #[test]
        fn order_within_the_open_seconds_does_not_matter(
            offsets in proptest::collection::vec(0_i64..3, 1..200)
        ) {
            // Seconds wander on, each query up to two seconds behind the newest.
            let mut series = Series::default();
            let mut exact = std::collections::BTreeMap::<i64, Bin>::new();
            let mut newest = 50;
            for (index, &behind) in offsets.iter().enumerate() {
                newest += i64::from(index % 5 == 0);
                let tier = (index % 3 == 0).then_some(Tier::Exact);
                series.add(newest - behind, newest - 3, tier);
                exact.entry(newest - behind).or_default().add(tier);
            }
            series.close(i64::MAX);
            let bins: Vec<_> = exact.into_iter().collect();
            prop_assert_eq!(series.sums(), sums(&bins));
        }
    }
}
