//! Bars: how often each keyword label was asked for.

use super::super::language::Words;
use super::super::story::Page;
use super::axis::{Scale, level};
use super::{BELOW, Drawing, Figure, Kind, RIGHT, TOP, WIDTH, at, float, short};
use crate::host::HostAddr;
use maud::html;
use serde_json::Value;

/// Room for names.
const NAMES: f64 = 150.0;
/// Height of a bar with the room around it.
const BAR: f64 = 20.0;

pub(super) fn labels(host: HostAddr, page: &Page, words: &Words) -> Option<Figure> {
    let dns = &page.event.as_ref()?.mxray.dns;
    let most = dns.labels.iter().map(|label| label.count).max()?;
    let height = TOP + BAR * float(dns.labels.len() as u64) + BELOW;
    let x = Scale::from_zero(float(most), NAMES, WIDTH - RIGHT - 40.0);
    let body = html! {
        (level(&x, height - BELOW, TOP, words.plot.queries))
        @for (row, label) in (0..).zip(&dns.labels) {
            @let y = TOP + BAR * f64::from(row);
            @let end = x.at(float(label.count));
            text class="mono" x=(at(NAMES - 6.0)) y=(at(y + 14.0)) text-anchor="end" { (short(&label.label, 18)) }
            rect class="bar" x=(at(NAMES)) y=(at(y + 3.0)) width=(at(end - NAMES)) height=(at(BAR - 6.0)) {}
            text class="mark" x=(at(end + 4.0)) y=(at(y + 14.0)) { (label.count) }
        }
    };
    let mut figure = Figure::new(
        Kind::Labels,
        host,
        words,
        Drawing {
            width: WIDTH,
            height,
            body,
        },
    );
    let told = dns
        .labels
        .iter()
        .map(|label| format!("{} {}", label.label, label.count));
    figure.summary = told.collect::<Vec<_>>().join(", ");
    figure.columns = [words.plot.columns.label, words.plot.columns.count]
        .map(str::to_owned)
        .into();
    let rows = dns.labels.iter();
    figure.rows = rows
        .map(|label| vec![Value::from(label.label.as_str()), Value::from(label.count)])
        .collect();
    Some(figure)
}
