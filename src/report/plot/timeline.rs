//! The score over time with the levels that it reached, and below it what each family of evidence
//! weighed.

use super::super::language::Words;
use super::super::story::Page;
use super::axis::{Clock, Scale, moment, upright};
use super::{BELOW, Drawing, Figure, Kind, LEFT, RIGHT, TOP, WIDTH, at, float, short, steps};
use crate::correlate::evidence::Family;
use crate::correlate::{CONFIRMED, LIKELY, SUSPECTED};
use crate::host::HostAddr;
use crate::verdict::Level;
use maud::html;
use serde_json::Value;
use std::collections::BTreeSet;

/// Height of the score.
const SCORE: f64 = 200.0;
/// Height of a family.
const FAMILY: f64 = 30.0;

pub(super) fn draw(host: HostAddr, page: &Page, words: &Words) -> Option<Figure> {
    let moments = page.timeline.moments();
    let (first, last) = (moments.first()?.second, moments.last()?.second);
    let families: BTreeSet<Family> = moments
        .iter()
        .flat_map(|moment| moment.families.iter().map(|(family, _)| *family))
        .collect();
    let families: Vec<_> = families.into_iter().collect();
    let ground = TOP + SCORE;
    let height = ground + FAMILY * float(families.len() as u64) + 8.0 + BELOW;
    let clock = Clock::new(first, last.saturating_add(1), LEFT, WIDTH - RIGHT);
    let scores = moments.iter().map(|moment| moment.score);
    let high = scores.clone().fold(CONFIRMED + 1.0, f64::max);
    let low = scores.fold(0.0, f64::min);
    let scale = Scale::new(low, high, ground, TOP);
    let levels = [
        (SUSPECTED, Level::Suspected),
        (LIKELY, Level::Likely),
        (CONFIRMED, Level::Confirmed),
    ];
    let score = steps(
        moments
            .iter()
            .map(|moment| (clock.at(moment.second), scale.at(moment.score))),
    );
    let weight = |family: Family| {
        move |moment: &super::super::story::timeline::Moment| {
            let weights = moment.families.iter();
            weights
                .filter(|(of, _)| *of == family)
                .map(|(_, llr)| *llr)
                // The sum of none is -0.0.
                .fold(0.0, |sum, llr| sum + llr)
        }
    };
    let crossings = crossings(page);
    let plot = &words.plot;
    let body = html! {
        (upright(&scale, LEFT, WIDTH - RIGHT, plot.score))
        (clock.axis(height - BELOW, TOP, &(plot.time)(&clock.days())))
        @for (threshold, level) in levels {
            line class="threshold" x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(scale.at(threshold))) y2=(at(scale.at(threshold))) {}
            text class="note" x=(at(WIDTH - RIGHT)) y=(at(scale.at(threshold) - 4.0)) text-anchor="end" { ((words.level)(level)) }
        }
        path class="line score" d=(score) {}
        @for (row, (second, level)) in (0..).zip(&crossings) {
            line class="crossing" x1=(at(clock.at(*second))) x2=(at(clock.at(*second))) y1=(at(TOP)) y2=(at(height - BELOW)) {}
            text class="note" x=(at(clock.at(*second) + 4.0)) y=(at(TOP + 12.0 + 14.0 * f64::from(row))) { ((words.level)(*level)) }
        }
        @for (row, family) in (0..).zip(&families) {
            @let base = ground + 8.0 + FAMILY * f64::from(row + 1);
            @let of = Scale::new(0.0, family.cap(), base - 2.0, base - FAMILY + 4.0);
            @let weigh = weight(*family);
            @let line = steps(moments.iter().map(|moment| (clock.at(moment.second), of.at(weigh(moment).max(0.0)))));
            path class="family" d=(format!("M{} {}V{}{}V{}Z", at(clock.at(first)), at(of.at(0.0)), at(of.at(0.0)),
                line.replacen('M', "L", 1), at(of.at(0.0)))) {}
            text class="over" x=(at(LEFT + 4.0)) y=(at(base - 12.0)) { (short(&format!("{} – {}", family.name(), (words.family)(*family)), 80)) }
        }
    };
    let mut figure = Figure::new(
        Kind::Score,
        host,
        words,
        Drawing {
            width: WIDTH,
            height,
            body,
        },
    );
    let told = crossings
        .iter()
        .map(|(second, level)| format!("{} {}", (words.level)(*level), moment(*second)));
    figure.summary = told.collect::<Vec<_>>().join(", ");
    figure.columns = [plot.columns.begin, plot.score, plot.columns.level]
        .map(str::to_owned)
        .into();
    figure
        .columns
        .extend(families.iter().map(|family| family.name().to_owned()));
    figure.rows = moments
        .iter()
        .map(|of| {
            let mut row = vec![
                Value::from(moment(of.second)),
                Value::from(of.score),
                Value::from(of.level.name()),
            ];
            row.extend(
                families
                    .iter()
                    .map(|family| Value::from(weight(*family)(of))),
            );
            row
        })
        .collect();
    Some(figure)
}

/// The seconds of the packets with which a level was reached.
fn crossings(page: &Page) -> Vec<(i64, Level)> {
    let mut reached = Level::None;
    let mut crossings = Vec::new();
    for verdict in &page.verdicts {
        let level = verdict.mxray.level;
        let time: Option<jiff::Timestamp> = verdict.timestamp.parse().ok();
        if level > reached
            && let Some(time) = time
        {
            crossings.push((time.as_second(), level));
        }
        reached = level;
    }
    crossings
}
