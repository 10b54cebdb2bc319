//! Queries per second by type over time: the study's Figures 1 to 6.

use super::super::language::Words;
use super::super::story::Page;
use super::super::story::rates::{Bucket, Counts};
use super::axis::{Clock, Scale, moment, upright};
use super::{BELOW, Drawing, Figure, Kind, LEFT, RIGHT, TOP, WIDTH, at, float, steps};
use crate::host::HostAddr;
use maud::html;
use serde_json::Value;

const HEIGHT: f64 = 300.0;

/// A type, the class that draws it, and its count.
type Series<'a> = (&'a str, &'static str, fn(&Counts) -> u64);

pub(super) fn draw(host: HostAddr, page: &Page, words: &Words) -> Option<Figure> {
    let rates = &page.rates;
    let all = rates.all();
    let (first, _) = rates.buckets().next()?;
    let (last, _) = rates.buckets().last()?;
    let end = last.saturating_add(rates.width());
    let plot = &words.plot;
    let series: [Series<'_>; 5] = [
        (plot.total, "total", |counts| counts.total),
        ("A", "a", |counts| counts.a),
        ("MX", "mx", |counts| counts.mx),
        ("PTR", "ptr", |counts| counts.ptr),
        (plot.smtp, "smtp", |counts| counts.smtp),
    ];
    // What never came would be a line on the axis.
    let series: Vec<_> = series
        .into_iter()
        .filter(|(_, _, of)| of(&all.sum) > 0)
        .collect();
    let clock = Clock::new(first, end, LEFT, WIDTH - RIGHT);
    let most = series
        .iter()
        .map(|(_, _, of)| of(&all.peak))
        .max()
        .unwrap_or(0);
    let scale = Scale::from_zero(float(most), HEIGHT - BELOW, TOP + 8.0);
    let path = |of: fn(&Counts) -> u64| {
        let points = rates.buckets().flat_map(|(start, bucket)| {
            let y = scale.at(float(of(&bucket.peak)));
            let next = start.saturating_add(rates.width());
            [(clock.at(start), y), (clock.at(next), y)]
        });
        steps(points)
    };
    let ground = scale.at(0.0);
    let body = html! {
        (upright(&scale, LEFT, WIDTH - RIGHT, &(plot.rate)(rates.width())))
        (clock.axis(HEIGHT - BELOW, TOP + 8.0, &(plot.time)(&clock.days())))
        @for (_, class, of) in &series {
            @if *class == "total" {
                path class="total" d=(format!("M{} {}V{}{}V{}Z", at(clock.at(first)), at(ground), at(ground),
                    path(*of).replacen('M', "L", 1), at(ground))) {}
            } @else {
                path class=(format!("line {class}")) d=(path(*of)) {}
            }
        }
        (legend(&series, &all))
    };
    let mut figure = Figure::new(
        Kind::Rates,
        host,
        words,
        Drawing {
            width: WIDTH,
            height: HEIGHT,
            body,
        },
    );
    let told = series.iter().map(|(name, _, of)| {
        let (sum, peak) = (of(&all.sum), of(&all.peak));
        format!("{name} {sum} ({} {peak}/s)", plot.columns.peak)
    });
    let told: Vec<_> = told.collect();
    figure.summary = format!("{} – {}: {}", moment(first), moment(end), told.join(", "));
    let names = ["total", "A", "MX", "PTR", "AAAA", "other", "smtp"];
    let columns = &plot.columns;
    figure.columns = vec![columns.begin.to_owned(), columns.seconds.to_owned()];
    figure
        .columns
        .extend(names.map(|name| format!("{name} {}", columns.sum)));
    figure
        .columns
        .extend(names.map(|name| format!("{name} {}", columns.peak)));
    figure.rows = rates
        .buckets()
        .filter(|(_, bucket)| **bucket != Bucket::default())
        .map(|(start, bucket)| {
            let counts = |counts: &Counts| {
                let Counts {
                    total,
                    a,
                    mx,
                    ptr,
                    aaaa,
                    other,
                    smtp,
                } = *counts;
                [total, a, mx, ptr, aaaa, other, smtp].map(Value::from)
            };
            let mut row = vec![Value::from(moment(start)), Value::from(rates.width())];
            row.extend(counts(&bucket.sum));
            row.extend(counts(&bucket.peak));
            row
        })
        .collect();
    Some(figure)
}

/// Names and sums, each beside its line.
/// How much room a text takes at the most: letters of East Asia are as wide as they are high.
fn wide(text: &str) -> f64 {
    let letters = text.chars();
    letters
        .map(|letter| if letter.is_ascii() { 7.5 } else { 12.5 })
        .sum()
}

fn legend(series: &[Series<'_>], all: &Bucket) -> maud::Markup {
    let mut x = LEFT;
    let places: Vec<_> = series
        .iter()
        .map(|(name, class, of)| {
            let text = format!("{name} {}", of(&all.sum));
            let place = x;
            x += 42.0 + wide(&text);
            (place, *class, text)
        })
        .collect();
    html! {
        @for (x, class, text) in places {
            @let line = if class == "total" { "total".to_owned() } else { format!("line {class}") };
            path class=(line) d=(format!("M{} {}h24", at(x), at(TOP - 8.0))) {}
            text x=(at(x + 28.0)) y=(at(TOP - 4.0)) { (text) }
        }
    }
}
