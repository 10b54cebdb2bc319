//! When things happen: laws of arrival, in whole milliseconds. A leaf but for the dice.
//!
//! Integers only, as all of [`crate::synth`]: the same seed gives the same times everywhere.

use super::super::dice::Dice;

/// Milliseconds in a minute and an hour.
pub(super) const MINUTE: u32 = 60_000;
pub(super) const HOUR: u32 = 60 * MINUTE;

/// How arrivals are spread over a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Law {
    /// One in each equal part of the span, somewhere in the middle half of it.
    Even,
    /// Each at any time: Poisson, given their number.
    Poisson,
    /// Bursts of up to so many with short pauses inside.
    Bursts(u32),
    /// Pauses as 1/u: many short, few very long.
    HeavyTail,
    /// As people of an office: most in two humps, little at night.
    Diurnal,
}

/// Weight of each hour of a day in an office.
const OFFICE: [u32; 24] = [
    1, 1, 1, 1, 1, 2, 4, 9, 16, 20, 20, 18, 12, 17, 20, 19, 16, 12, 8, 6, 5, 4, 3, 2,
];

/// `count` times within `span` milliseconds, in order.
pub(super) fn arrivals(dice: &mut Dice, law: Law, count: u32, span: u32) -> Vec<u32> {
    let mut times: Vec<u32> = match law {
        Law::Even => {
            let part = span / count.max(1);
            let one = |number| number * part + part / 4 + dice.below(part / 2);
            (0..count).map(one).collect()
        }
        Law::Poisson => (0..count).map(|_| dice.below(span)).collect(),
        Law::Bursts(size) => bursts(dice, size, count, span),
        Law::HeavyTail => heavy_tail(dice, count, span),
        Law::Diurnal => (0..count).map(|_| office(dice, span)).collect(),
    };
    times.sort_unstable();
    times
}

fn bursts(dice: &mut Dice, size: u32, count: u32, span: u32) -> Vec<u32> {
    let mut times = Vec::new();
    let mut left = 0;
    let mut now = 0;
    for _ in 0..count {
        if left == 0 {
            left = dice.between(size.div_ceil(3), size.max(1));
            now = dice.below(span);
        }
        times.push(now.min(span));
        now += dice.between(30, 1500);
        left -= 1;
    }
    times
}

fn heavy_tail(dice: &mut Dice, count: u32, span: u32) -> Vec<u32> {
    // 1/u with u from 1/1000 to 1, then all of them stretched to the span.
    let mut now = 0_u64;
    let gaps = (0..count).map(|_| {
        now += 1_000_000 / u64::from(dice.between(1, 1000));
        now
    });
    let sums: Vec<u64> = gaps.collect();
    let whole = now + now / u64::from(count.max(1)) + 1;
    let stretched = |sum: u64| u32::try_from(sum * u64::from(span) / whole).unwrap_or(span);
    sums.into_iter().map(stretched).collect()
}

/// A moment of a day of `span`, by the curve of an office.
fn office(dice: &mut Dice, span: u32) -> u32 {
    let mut left = dice.below(OFFICE.iter().sum());
    let mut hour = 0;
    for weight in OFFICE {
        if left < weight {
            break;
        }
        left -= weight;
        hour += 1;
    }
    let part = span / 24;
    hour * part + dice.below(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u32 = 24 * HOUR;

    #[test]
    fn each_law_gives_the_number_in_order_within_the_span() {
        let laws = [
            Law::Even,
            Law::Poisson,
            Law::Bursts(20),
            Law::HeavyTail,
            Law::Diurnal,
        ];
        for law in laws {
            for count in [0, 1, 7, 300] {
                let times = arrivals(&mut Dice::new("law"), law, count, DAY);
                assert_eq!(times.len(), count as usize, "{law:?}");
                assert!(times.is_sorted(), "{law:?}");
                assert!(times.iter().all(|time| *time <= DAY), "{law:?}");
            }
        }
    }

    /// Index of dispersion of counts in minutes: 1 for Poisson.
    #[test]
    fn the_laws_differ_in_dispersion() {
        let dispersion = |law| {
            let times = arrivals(&mut Dice::new("dispersion"), law, 2000, 10 * HOUR);
            let mut bins = vec![0_f64; 600];
            for time in times {
                bins[(time / MINUTE).min(599) as usize] += 1.0;
            }
            let mean = bins.iter().sum::<f64>() / 600.0;
            bins.iter().map(|bin| (bin - mean).powi(2)).sum::<f64>() / 600.0 / mean
        };
        assert!(dispersion(Law::Even) < 0.5);
        assert!((0.8..1.2).contains(&dispersion(Law::Poisson)));
        assert!(dispersion(Law::Bursts(40)) > 10.0);
        assert!(dispersion(Law::HeavyTail) > 2.0);
    }
}
