//! Keyword A queries of a second against all A queries of it, with the line through them: the
//! study's Figure 8. R², slope and n are those of the event.

use super::super::event::CorrelationBody;
use super::super::language::Words;
use super::super::story::Page;
use super::axis::{Scale, level, upright};
use super::{BELOW, Drawing, Figure, Kind, LEFT, RIGHT, TOP, at, float};
use crate::host::HostAddr;
use maud::html;
use serde_json::Value;

const SIDE: f64 = 420.0;
/// Room for a legend on the right.
const NOTES: f64 = 200.0;

pub(super) fn draw(host: HostAddr, page: &Page, words: &Words) -> Option<Figure> {
    let correlation = &page.event.as_ref()?.mxray.correlation;
    if correlation.t == 0 {
        return None;
    }
    let scatter = &page.scatter;
    let most = scatter.pairs().map(|(t, _, _)| u64::from(t)).max()?;
    let highest = scatter.pairs().map(|(_, k, _)| u64::from(k)).max()?;
    let x = Scale::from_zero(float(most), LEFT, SIDE - RIGHT);
    let y = Scale::from_zero(float(highest), SIDE - BELOW, TOP);
    let fit = ends(correlation, float(most), float(highest));
    let number =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    let notes = [
        format!("R² {}", number(correlation.r2_active)),
        format!("{} {}", words.plot.slope, number(correlation.slope)),
        format!("n {}", correlation.n_active),
        format!("ΣT {}", correlation.t),
        format!("ΣK {}", correlation.k),
        correlation.r2_reason.unwrap_or_default().to_owned(),
    ];
    let plot = &words.plot;
    let body = html! {
        (upright(&y, LEFT, SIDE - RIGHT, plot.keyword_a))
        (level(&x, SIDE - BELOW, TOP, plot.all_a))
        @for (t, k, seconds) in scatter.pairs() {
            circle class="point" cx=(at(x.at(t.into()))) cy=(at(y.at(k.into()))) r=(at((1.5 + float(seconds).ln()).min(9.0))) {}
        }
        @if let Some([from, to]) = fit {
            line class="fit" x1=(at(x.at(from.0))) y1=(at(y.at(from.1))) x2=(at(x.at(to.0))) y2=(at(y.at(to.1))) {}
        }
        @for (line, note) in (0..).zip(&notes) {
            text x=(at(SIDE + 4.0)) y=(at(TOP + 12.0 + 18.0 * f64::from(line))) { (note) }
        }
        @if scatter.grid() > 1 {
            text class="note" x=(at(SIDE + 4.0)) y=(at(SIDE - BELOW)) { ((plot.grid)(scatter.grid())) }
        }
    };
    let drawing = Drawing {
        width: SIDE + NOTES,
        height: SIDE,
        body,
    };
    let mut figure = Figure::new(Kind::Correlation, host, words, drawing);
    figure.summary = notes.join(", ");
    figure.columns = ["T", "K", plot.seconds].map(str::to_owned).into();
    let rows = scatter.pairs();
    figure.rows = rows
        .map(|(t, k, seconds)| vec![Value::from(t), Value::from(k), Value::from(seconds)])
        .collect();
    Some(figure)
}

/// Where the fitted line begins and ends. It goes through the means, and is not drawn beyond the
/// axes.
fn ends(correlation: &CorrelationBody, most: f64, highest: f64) -> Option<[(f64, f64); 2]> {
    let seconds = float(correlation.n_active.max(1));
    let mean_t = float(correlation.t) / seconds;
    let mean_k = float(correlation.k) / seconds;
    let slope = correlation.slope?;
    Some([0.0, most].map(|end| {
        let height = mean_k + slope * (end - mean_t);
        let within = height.clamp(0.0, highest);
        if (height - within).abs() > 0.0 {
            (mean_t + (within - mean_k) / slope, within)
        } else {
            (end, height)
        }
    }))
}
