//! R² of keyword A queries against all A queries per second, from exact integer sums.
//!
//! The study found 0.999 for W32/Mytob.A (Musashi, "Botnet countermeasures", section 3.2).
//! Every quantity here is one exact quotient of sums in 128-bit integers, turned into a
//! floating-point number at the end, so that no order of packets or of workers changes a bit.

use crate::count::series::{KeywordSums, Sums};

/// Bins needed for a correlation to say anything: through two points there is always a line.
const LEAST_BINS: u64 = 3;

/// Two-sided 95% point of the normal distribution.
const Z95: f64 = 1.96;

/// How K follows T over the one-second bins of a host. `None` is "undefined", never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Correlation {
    /// R² over bins with T > 0.
    pub r2_active: Option<f64>,
    /// R² over every second from the first to the last A query.
    pub r2_all: Option<f64>,
    /// Why a figure is undefined: the first in the order of these fields.
    pub r2_reason: Option<Undefined>,
    /// Lower end of the 95% confidence interval of `r2_active`, by Fisher's z with the number
    /// of bins reduced for autocorrelation.
    pub r2_lower95: Option<f64>,
    /// Slope of K on T over active bins.
    pub slope: Option<f64>,
    /// ΣK / ΣT.
    pub share: Option<f64>,
    /// Correlation of K with the other queries T − K over active bins: R² alone is inflated,
    /// since K is a part of T.
    pub r_rest: Option<f64>,
    /// The R² that K and T − K would show if they were independent.
    pub r2_independent: Option<f64>,
    /// R² over active bins with only the exact tier as K.
    pub r2_exact: Option<f64>,
    /// R² over active bins with all three tiers as K.
    pub r2_prefix: Option<f64>,
}

/// Why R² is undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// No A queries at all.
    NoQueries,
    /// Fewer than three bins.
    FewBins,
    /// Every bin has the same T.
    ConstantTotal,
    /// Every bin has the same K.
    ConstantKeyword,
    /// Not more than three independent bins: no interval for R².
    FewIndependentBins,
    /// Every bin has the same number of other queries: no correlation with them.
    ConstantRest,
    /// Every bin has the same K in the exact tier or in all three.
    ConstantTier,
}

impl Undefined {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoQueries => "no-a-queries",
            Self::FewBins => "fewer-than-3-bins",
            Self::ConstantTotal => "t-constant",
            Self::ConstantKeyword => "k-constant",
            Self::FewIndependentBins => "lower95-few-independent-bins",
            Self::ConstantRest => "rest-constant",
            Self::ConstantTier => "tier-constant",
        }
    }
}

/// N² times the variances and the covariance of two counts over N bins, exact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    xx: i128,
    yy: i128,
    xy: i128,
}

impl Moments {
    pub(super) fn new(n: u64, [x, y]: [u64; 2], [xx, yy, xy]: [u64; 3]) -> Self {
        let spread = |product: u64, a: u64, b: u64| {
            i128::from(n) * i128::from(product) - i128::from(a) * i128::from(b)
        };
        Self {
            xx: spread(xx, x, x),
            yy: spread(yy, y, y),
            xy: spread(xy, x, y),
        }
    }

    fn of(n: u64, sums: &Sums, keyword: &KeywordSums) -> Self {
        Self::new(n, [sums.t, keyword.k], [sums.tt, keyword.kk, keyword.tk])
    }

    /// The squared correlation of two counts that vary; `None` where they do not grow together.
    pub(super) fn positive_r2(&self) -> Option<f64> {
        let &Self { xx, yy, xy } = self;
        (xx > 0 && yy > 0 && xy > 0).then(|| (ratio(xy, xx) * ratio(xy, yy)).min(1.0))
    }

    /// The squared correlation; dividing before multiplying keeps far from overflow and costs
    /// less than 1e-15.
    fn r2(&self, n: u64) -> Result<f64, Undefined> {
        match self {
            _ if n == 0 => Err(Undefined::NoQueries),
            _ if n < LEAST_BINS => Err(Undefined::FewBins),
            Self { xx: 0, .. } => Err(Undefined::ConstantTotal),
            Self { yy: 0, .. } => Err(Undefined::ConstantKeyword),
            _ => Ok((ratio(self.xy, self.xx) * ratio(self.xy, self.yy)).min(1.0)),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the one rounding, at the end of exact sums"
)]
fn ratio(above: i128, below: i128) -> f64 {
    above as f64 / below as f64
}

impl Correlation {
    /// From a series' sums.
    #[must_use]
    pub fn of(sums: &Sums) -> Self {
        let n = sums.active;
        let moments = Moments::of(n, sums, &sums.keyword);
        let active = moments.r2(n);
        let all = Moments::of(sums.span(), sums, &sums.keyword).r2(sums.span());
        let tier = |keyword| Moments::of(n, sums, keyword).r2(n).ok();
        let rest = rest(sums);
        let r2_lower95 = active.ok().and_then(|r2| lower95(sums, r2));
        let r_rest = (rest.xx != 0 && rest.yy != 0)
            .then(|| ratio(rest.xy, rest.xx).signum() * rest_r(&rest));
        let (r2_exact, r2_prefix) = (tier(&sums.exact), tier(&sums.any));
        let other = match (r2_lower95, r_rest, r2_exact.and(r2_prefix)) {
            (None, _, _) => Some(Undefined::FewIndependentBins),
            (_, None, _) => Some(Undefined::ConstantRest),
            (_, _, None) => Some(Undefined::ConstantTier),
            _ => None,
        };
        Self {
            r2_active: active.ok(),
            r2_all: all.ok(),
            r2_reason: active.err().or(all.err()).or(other),
            r2_lower95,
            slope: (moments.xx != 0).then(|| ratio(moments.xy, moments.xx)),
            share: (sums.t != 0).then(|| ratio(sums.keyword.k.into(), sums.t.into())),
            r_rest,
            r2_independent: (rest.xx + rest.yy != 0).then(|| ratio(rest.yy, rest.xx + rest.yy)),
            r2_exact,
            r2_prefix,
        }
    }
}

/// Moments of the other queries O = T − K (x) and K (y), from the same sums.
fn rest(sums: &Sums) -> Moments {
    let KeywordSums { k, kk, tk } = sums.keyword;
    // ΣO² = ΣT² − 2ΣTK + ΣK², added up first so that nothing goes below zero.
    let oo = sums.tt + kk - 2 * tk;
    Moments::new(sums.active, [sums.t - k, k], [oo, kk, tk - kk])
}

fn rest_r(rest: &Moments) -> f64 {
    (ratio(rest.xy, rest.xx) * ratio(rest.xy, rest.yy))
        .min(1.0)
        .sqrt()
}

/// Lag-1 autocorrelation of a series of n values from Σx, Σx², Σx(i)x(i+1) and its ends.
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate, far from the limits of f64"
)]
fn autocorrelation(n: u64, x: u64, xx: u64, lag: u64, ends: [u64; 2]) -> f64 {
    let (n, x, xx, lag) = (n as f64, x as f64, xx as f64, lag as f64);
    let mean = x / n;
    let ends = ends.map(|end| end as f64).iter().sum::<f64>();
    let covariance = lag - mean * (2.0 * x - ends) + (n - 1.0) * mean * mean;
    let variance = xx - n * mean * mean;
    if variance > 0.0 {
        (covariance / variance).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Lower end of the interval of |r|, squared: Fisher's z, with n changed to `n(1 − ρKρT)/(1 + ρKρT)` (Bartlett 1935).
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate, far from the limits of f64"
)]
fn lower95(sums: &Sums, r2: f64) -> Option<f64> {
    let (first, last) = sums.first.zip(sums.last)?;
    let n = sums.active;
    let rho_t = autocorrelation(n, sums.t, sums.tt, sums.tt_lag, [first.t, last.t]);
    let keyword = &sums.keyword;
    let rho_k = autocorrelation(n, keyword.k, keyword.kk, sums.kk_lag, [first.k, last.k]);
    let rho = rho_t * rho_k;
    let n_eff = n as f64 * (1.0 - rho) / (1.0 + rho);
    if n_eff.is_nan() || n_eff <= 3.0 {
        return None;
    }
    let r = r2.sqrt();
    if r >= 1.0 {
        return Some(1.0);
    }
    let z = r.atanh() - Z95 / (n_eff - 3.0).sqrt();
    Some(z.max(0.0).tanh().powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::series::Bin;
    use proptest::prelude::*;

    fn sums(bins: &[(u32, u32)]) -> Sums {
        let mut sums = Sums::default();
        for (second, &(t, k)) in (1_000..).zip(bins) {
            sums.add(
                second,
                Bin {
                    t,
                    exact: k,
                    numbered: 0,
                    prefix: 0,
                },
            );
        }
        sums
    }

    fn close(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-12)
    }

    #[test]
    fn by_hand() {
        // T 1 2 3 4, K 1 1 2 4: S_TT = 20, S_KK = 4·22 − 64 = 24, S_KT = 4·25 − 80 = 20.
        let correlation = Correlation::of(&sums(&[(1, 1), (2, 1), (3, 2), (4, 4)]));
        assert!(close(correlation.r2_active, 400.0 / 480.0));
        assert!(close(correlation.slope, 1.0));
        assert!(close(correlation.share, 0.8));
        assert_eq!(correlation.r2_active, correlation.r2_all);
        // O = 0 1 1 0: S_OO = 4·2 − 4 = 4, S_KO = 4·3 − 16 = −4.
        assert!(close(correlation.r_rest, -(16.0_f64 / 96.0).sqrt()));
        assert!(close(correlation.r2_independent, 24.0 / 28.0));
    }

    #[test]
    fn zero_bins_count_only_in_all() {
        let correlation = Correlation::of(&sums(&[(3, 2), (0, 0), (0, 0), (5, 3), (1, 1)]));
        // Active: n 3, T 9, K 6, S_TT 24, S_KK 6, S_KT 12. All: n 5, S 94, 34, 56.
        assert!(close(correlation.r2_active, 144.0 / 144.0));
        assert!(close(correlation.r2_all, 56.0 * 56.0 / (94.0 * 34.0)));
    }

    #[test]
    fn undefined_is_none_with_a_reason() {
        for (bins, reason) in [
            (&[][..], Undefined::NoQueries),
            (&[(4, 1)], Undefined::FewBins),
            (&[(4, 1), (5, 2)], Undefined::FewBins),
            (&[(4, 1), (4, 2), (4, 3)], Undefined::ConstantTotal),
            (&[(4, 0), (5, 0), (6, 0)], Undefined::ConstantKeyword),
        ] {
            let correlation = Correlation::of(&sums(bins));
            assert_eq!(correlation.r2_active, None);
            assert_eq!(correlation.r2_lower95, None);
            assert_eq!(correlation.r2_reason, Some(reason), "{bins:?}");
        }
        // A poller with constant bins: undefined on active bins, 1 on all.
        let poller = Correlation::of(&sums(&[(1, 1), (0, 0), (0, 0), (1, 1), (0, 0), (1, 1)]));
        assert_eq!((poller.r2_active, poller.r2_all), (None, Some(1.0)));
        assert_eq!(poller.r2_reason, Some(Undefined::ConstantTotal));
    }

    #[test]
    fn the_lower_bound_of_the_study() {
        // Section 1 of the detection notes: R² .90 has lower bound .80 at 30 bins, .63 at 10.
        for (n, expected) in [(30, 0.80), (10, 0.63)] {
            let mut white = Sums {
                active: n,
                t: n,
                tt: 2 * n,
                ..Sums::default()
            };
            white.tt_lag = n;
            white.keyword = KeywordSums {
                k: n,
                kk: 2 * n,
                tk: n,
            };
            white.kk_lag = n;
            let edge = crate::count::series::Edge {
                second: 0,
                t: 1,
                k: 1,
            };
            (white.first, white.last) = (Some(edge), Some(edge));
            let lower = lower95(&white, 0.90).unwrap();
            assert!((lower - expected).abs() < 0.01, "{lower}");
        }
    }

    /// The generated clients F and A of the study: sums counted by tshark and a script, R²
    /// from them in exact rational arithmetic (Python's `fractions`).
    #[test]
    fn equals_rational_arithmetic() {
        let edge = |second| Some(crate::count::series::Edge { second, t: 1, k: 1 });
        for ([active, span, t, k, tt, kk, tk], r2_active, r2_all) in [
            (
                [262, 29_242, 16_521, 9_502, 1_568_501, 519_780, 902_865],
                0.999_602_775_080_103_2,
                0.999_863_976_069_712_8,
            ),
            (
                [2_962, 86_341, 6_675, 3_406, 18_555, 7_684, 9_781],
                0.334_969_979_274_757_13,
                0.665_158_026_339_644_8,
            ),
        ] {
            let keyword = KeywordSums { k, kk, tk };
            let first = edge(0);
            let last = edge(i64::try_from(span).unwrap() - 1);
            let sums = Sums {
                active,
                t,
                tt,
                keyword,
                first,
                last,
                ..Sums::default()
            };
            let correlation = Correlation::of(&sums);
            assert!(close(correlation.r2_active, r2_active));
            assert!(close(correlation.r2_all, r2_all));
        }
    }

    proptest! {
        #[test]
        fn equals_the_textbook_formula(
            bins in proptest::collection::vec((0_u32..200, 0_u32..200), 3..80)
        ) {
            let bins: Vec<_> = bins.iter().map(|&(o, k)| (o + k, k)).collect();
            let correlation = Correlation::of(&sums(&bins));
            let active: Vec<_> = bins.iter().filter(|(t, _)| *t > 0).collect();
            #[expect(clippy::cast_precision_loss, reason = "at most 80")]
            let n = active.len() as f64;
            let mean = |f: &dyn Fn(f64, f64) -> f64| {
                active.iter().map(|&&(t, k)| f(t.into(), k.into())).sum::<f64>() / n
            };
            let (mt, mk) = (mean(&|t, _| t), mean(&|_, k| k));
            let (vt, vk) = (mean(&|t, _| (t - mt).powi(2)), mean(&|_, k| (k - mk).powi(2)));
            let cov = mean(&|t, k| (t - mt) * (k - mk));
            if let Some(r2) = correlation.r2_active {
                prop_assert!((r2 - cov * cov / (vt * vk)).abs() < 1e-9);
                prop_assert!((0.0..=1.0).contains(&r2));
                if let Some(lower) = correlation.r2_lower95 {
                    prop_assert!(lower <= r2 + 1e-12);
                }
            } else {
                prop_assert!(vt < 1e-9 || vk < 1e-9 || active.len() < 3);
            }
        }
    }
}
