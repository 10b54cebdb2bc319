//! R² of mail lookups and mail connections per second, at the lag at which they go together
//! best: traffic correlated between protocols, as the study proposed.
//!
//! Over all seconds, also those without either: who is silent in one is silent in the other,
//! and that is the rule for both kinds of hosts. Few pairs say little, whatever R² is.

use super::regression::Moments;
use crate::count::coupling::CouplingSums;

/// How mail connections follow mail lookups. `None` is "undefined", never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coupling {
    /// Seconds from the lookups to the connections at which R² is largest: of several the least.
    pub lag: Option<u8>,
    /// R² at that lag.
    pub r2: Option<f64>,
    /// Why there is none.
    pub reason: Option<Uncoupled>,
}

/// Why there is no R².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncoupled {
    /// No mail lookup was seen.
    NoLookups,
    /// No mail connection was seen.
    NoConnections,
    /// Connections follow lookups at no lag more often than by chance.
    NotPositive,
}

impl Uncoupled {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoLookups => "no-mail-lookups",
            Self::NoConnections => "no-mail-connections",
            Self::NotPositive => "not-positive",
        }
    }
}

impl Coupling {
    /// From a host's sums.
    #[must_use]
    pub fn of(sums: &CouplingSums) -> Self {
        match Self::best(sums) {
            Ok((lag, r2)) => Self {
                lag: Some(lag),
                r2: Some(r2),
                reason: None,
            },
            Err(reason) => Self {
                reason: Some(reason),
                ..Self::default()
            },
        }
    }

    /// How closely connections follow lookups, in brackets for the end of a sentence; nothing
    /// where that is undefined.
    pub(super) fn words(self) -> String {
        match (self.r2, self.lag) {
            (Some(r2), Some(lag)) => format!(" (R² = {r2:.2} second by second, {lag} s behind)"),
            _ => String::new(),
        }
    }

    fn best(sums: &CouplingSums) -> Result<(u8, f64), Uncoupled> {
        if sums.m == 0 {
            return Err(Uncoupled::NoLookups);
        }
        if sums.c == 0 {
            return Err(Uncoupled::NoConnections);
        }
        // All else is the same for all lags, so that this is exact.
        let lags = (0_u8..).zip(sums.mc);
        let best = lags.max_by_key(|&(lag, mc)| (mc, std::cmp::Reverse(lag)));
        let (lag, mc) = best.unwrap_or_default();
        let moments = Moments::new(sums.pairs(), [sums.m, sums.c], [sums.mm, sums.cc, mc]);
        // Neither varies not at all: the pairs reach beyond the last second.
        moments
            .positive_r2()
            .map(|r2| (lag, r2))
            .ok_or(Uncoupled::NotPositive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::coupling::{Coupling as Series, LAGS};
    use proptest::prelude::*;

    /// Sums over seconds with so many lookups and connections each.
    fn sums(bins: &[(u32, u32)]) -> CouplingSums {
        let mut series = Series::default();
        for (second, &(m, c)) in (0_i64..).zip(bins) {
            (0..m).for_each(|_| series.lookup(second, second - 3));
            (0..c).for_each(|_| series.connection(second, second - 3));
        }
        series.close(i64::MAX);
        *series.sums()
    }

    #[test]
    fn in_words_where_it_is_defined() {
        let both = Coupling::of(&sums(&[(2, 0), (0, 2), (0, 0), (1, 0), (0, 1)]));
        assert_eq!(both.words(), " (R² = 1.00 second by second, 1 s behind)");
        assert_eq!(Coupling::of(&sums(&[(2, 0)])).words(), "");
    }

    /// Sixty seconds of a linear congruential generator's lookups, with connections 3 s behind
    /// them and now and then one more. R² is that of Python's `fractions` over the same pairs.
    #[test]
    fn connections_behind_lookups() {
        let mut state = 12_345_u64;
        let mut bins = [(0_u32, 0_u32); 60];
        for second in 0..60 {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            bins[second].0 = u32::try_from((state >> 16) % 4).unwrap();
            let before = second.checked_sub(3).map_or(0, |before| bins[before].0);
            bins[second].1 = before + u32::from((state >> 20).is_multiple_of(5));
        }
        let sums = sums(&bins);
        let coupling = Coupling::of(&sums);
        assert_eq!(
            (sums.pairs(), coupling.lag, coupling.reason),
            (66, Some(3), None)
        );
        let error = coupling.r2.unwrap() - 0.748_251_428_996_112_9;
        assert!(error.abs() < 1e-14, "{error}");
    }

    #[test]
    fn undefined_is_said() {
        let reason = |bins: &[(u32, u32)]| Coupling::of(&sums(bins)).reason;
        assert_eq!(reason(&[]), Some(Uncoupled::NoLookups));
        assert_eq!(reason(&[(0, 1)]), Some(Uncoupled::NoLookups));
        assert_eq!(reason(&[(1, 0)]), Some(Uncoupled::NoConnections));
        assert_eq!(reason(&[(0, 1), (1, 0)]), Some(Uncoupled::NotPositive));
        let one = Coupling::of(&sums(&[(1, 0), (0, 1)]));
        assert_eq!((one.lag, one.r2, one.reason), (Some(1), Some(1.0), None));
    }

    proptest! {
        /// Against the definition in integers of any size that these values can reach, pair by
        /// pair and lag by lag.
        #[test]
        fn as_by_definition(bins in proptest::collection::vec((0_u32..20, 0_u32..20), 1..60)) {
            let at = |second: i64| {
                let place = usize::try_from(second).ok();
                place.and_then(|place| bins.get(place)).copied().unwrap_or_default()
            };
            let spoken = |second: &i64| at(*second) != (0, 0);
            let end = i64::try_from(bins.len()).unwrap();
            let (first, last) = ((0..end).find(spoken), (0..end).rev().find(spoken));
            prop_assume!(first.is_some());
            let (first, last) = (first.unwrap(), last.unwrap());
            let mut best: Option<(u8, i128, i128)> = None;
            for lag in 0..u8::try_from(LAGS).unwrap() {
                let pairs: Vec<(i128, i128)> = (first..=last + 8)
                    .map(|t| (at(t - i64::from(lag)).0.into(), at(t).1.into()))
                    .collect();
                let n = i128::try_from(pairs.len()).unwrap();
                let sum = |each: &dyn Fn(i128, i128) -> i128| -> i128 {
                    pairs.iter().map(|&(m, c)| each(m, c)).sum()
                };
                let (m, c) = (sum(&|m, _| m), sum(&|_, c| c));
                let xx = n * sum(&|m, _| m * m) - m * m;
                let yy = n * sum(&|_, c| c * c) - c * c;
                let xy = n * sum(&|m, c| m * c) - m * c;
                let (above, below) = (xy * xy, xx * yy);
                // Larger than the best by far: R² of two lags are of the same denominator.
                if xy > 0 && best.is_none_or(|(_, most, _)| above > most) {
                    best = Some((lag, above, below));
                }
            }
            let coupling = Coupling::of(&sums(&bins));
            prop_assert_eq!(coupling.lag, best.map(|(lag, ..)| lag));
            prop_assert_eq!(coupling.r2.is_some(), coupling.reason.is_none());
            if let Some((_, above, below)) = best {
                #[expect(clippy::cast_precision_loss, reason = "rounded once, for comparison")]
                let expected = above as f64 / below as f64;
                prop_assert!((coupling.r2.unwrap() - expected).abs() < 1e-12);
            }
        }
    }
}
