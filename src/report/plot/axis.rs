//! Axes: where a value lies, and what is written beside it.

use super::{at, seconds};
use jiff::Timestamp;
use maud::{Markup, html};

/// Marks on an axis of time at most.
const MARKS: i64 = 8;

/// Seconds between two marks of time.
const TIMES: [i64; 19] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 604_800,
];

/// Values from `low` to `high`, drawn from `from` to `to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// This range; one of no width is made wider.
    pub(super) fn new(low: f64, high: f64, from: f64, to: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            from,
            to,
        }
    }

    /// From 0 to a round number that is not less than `high`.
    pub(super) fn from_zero(high: f64, from: f64, to: f64) -> Self {
        let step = step(high);
        Self::new(0.0, (high / step).ceil().max(1.0) * step, from, to)
    }

    /// Where a value lies.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = (value - self.low) / (self.high - self.low);
        self.from + part * (self.to - self.from)
    }

    /// Round values within the range.
    pub(super) fn marks(&self) -> Vec<f64> {
        let step = step(self.high - self.low);
        let first = (self.low / step).ceil();
        (0..=12_u8)
            .map(|mark| (first + f64::from(mark)) * step)
            .filter(|mark| *mark <= self.high + step * 1e-9)
            .collect()
    }
}

/// A round step, of which some four to ten make `range`.
fn step(range: f64) -> f64 {
    let power = 10_f64.powf((range.max(1e-9) / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power * 6.0 >= range);
    step.unwrap_or(10.0) * power
}

/// A number beside a mark.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// An upright axis of numbers at `x`, its marks drawn through to `end`, with what it is of.
pub(super) fn upright(scale: &Scale, x: f64, end: f64, label: &str) -> Markup {
    let middle = f64::midpoint(scale.from, scale.to);
    let turned = format!("translate(14 {}) rotate(-90)", at(middle));
    html! {
        g class="axis" {
            @for mark in scale.marks() {
                line class="grid" x1=(at(x)) x2=(at(end)) y1=(at(scale.at(mark))) y2=(at(scale.at(mark))) {}
                text class="mark" x=(at(x - 6.0)) y=(at(scale.at(mark) + 4.0)) text-anchor="end" { (number(mark)) }
            }
            text class="label" transform=(turned) text-anchor="middle" { (label) }
        }
    }
}

/// A level axis of numbers at `y`, its marks drawn up to `end`.
pub(super) fn level(scale: &Scale, y: f64, end: f64, label: &str) -> Markup {
    html! {
        g class="axis" {
            @for mark in scale.marks() {
                line class="grid" x1=(at(scale.at(mark))) x2=(at(scale.at(mark))) y1=(at(y)) y2=(at(end)) {}
                text class="mark" x=(at(scale.at(mark))) y=(at(y + 16.0)) text-anchor="middle" { (number(mark)) }
            }
            text class="label" x=(at(f64::midpoint(scale.from, scale.to))) y=(at(y + 36.0)) text-anchor="middle" { (label) }
        }
    }
}

/// Packet time from one second to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    first: i64,
    last: i64,
    scale: Scale,
}

impl Clock {
    pub(super) fn new(first: i64, last: i64, from: f64, to: f64) -> Self {
        Self {
            first,
            last,
            scale: Scale::new(seconds(first), seconds(last), from, to),
        }
    }

    pub(super) fn at(&self, second: i64) -> f64 {
        self.scale.at(seconds(second))
    }

    /// The days that the axis is of.
    pub(super) fn days(&self) -> String {
        let (first, last) = (
            day(self.first),
            day(self.last.saturating_sub(1).max(self.first)),
        );
        if first == last {
            first
        } else {
            format!("{first} – {last}")
        }
    }

    /// The axis at `y`, its marks drawn up to `end`.
    pub(super) fn axis(&self, y: f64, end: f64, label: &str) -> Markup {
        let span = self.last.saturating_sub(self.first).max(1);
        let step = TIMES.into_iter().find(|step| span / step <= MARKS);
        let step = step.unwrap_or_else(|| span / MARKS / 604_800 * 604_800 + 604_800);
        let first = self.first.div_euclid(step).saturating_mul(step);
        let first = if first < self.first {
            first.saturating_add(step)
        } else {
            first
        };
        let marks = (0..=MARKS).map(|mark| first.saturating_add(mark.saturating_mul(step)));
        let format = match step {
            86_400.. => "%m-%d",
            60.. => "%H:%M",
            _ => "%H:%M:%S",
        };
        html! {
            g class="axis" {
                @for mark in marks.filter(|mark| *mark <= self.last) {
                    line class="grid" x1=(at(self.at(mark))) x2=(at(self.at(mark))) y1=(at(y)) y2=(at(end)) {}
                    text class="mark" x=(at(self.at(mark))) y=(at(y + 16.0)) text-anchor="middle" { (shown(mark, format)) }
                }
                text class="label" x=(at(f64::midpoint(self.scale.from, self.scale.to))) y=(at(y + 36.0)) text-anchor="middle" { (label) }
            }
        }
    }
}

/// A second in UTC.
pub(super) fn moment(second: i64) -> String {
    shown(second, "%Y-%m-%dT%H:%M:%SZ")
}

fn day(second: i64) -> String {
    shown(second, "%Y-%m-%d")
}

fn shown(second: i64, format: &str) -> String {
    match Timestamp::from_second(second) {
        Ok(time) => time.strftime(format).to_string(),
        Err(_) => second.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_cover_the_range() {
        let scale = Scale::from_zero(17.0, 100.0, 0.0);
        assert_eq!(scale.marks(), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert!((scale.at(20.0) - 0.0).abs() < 1e-9 && (scale.at(0.0) - 100.0).abs() < 1e-9);
        assert_eq!(Scale::from_zero(0.0, 0.0, 1.0).marks().first(), Some(&0.0));
        assert_eq!(
            [number(0.25), number(10.0), number(0.0)],
            ["0.25", "10", "0"]
        );
    }

    #[test]
    fn any_time_has_an_axis() {
        for (first, last) in [
            (0, 0),
            (0, 59),
            (1_109_289_600, 1_109_376_000),
            (i64::MIN, i64::MAX),
        ] {
            let axis = Clock::new(first, last, 0.0, 1.0)
                .axis(0.0, 1.0, "time")
                .into_string();
            assert!(axis.matches("class=\"mark\"").count() <= 9, "{axis}");
        }
        assert_eq!(moment(1_109_289_600), "2005-02-25T00:00:00Z");
    }
}
