//! The most frequent prefixes of the names of A queries, by length: the study's Figure 7.

use super::super::language::Words;
use super::super::story::Page;
use super::super::text;
use super::{Drawing, Figure, Kind, TOP, WIDTH, at, float};
use crate::host::HostAddr;
use maud::html;
use serde_json::Value;

/// Rows that are drawn, as many as the study shows; the table has all.
const ROWS: usize = 22;
const ROW: f64 = 18.0;

pub(super) fn draw(host: HostAddr, page: &Page, words: &Words) -> Option<Figure> {
    let columns = &page.prefixes;
    let rows = columns
        .iter()
        .map(|column| column.top.len().min(ROWS))
        .max()?;
    if rows == 0 {
        return None;
    }
    let wide = (WIDTH - 24.0) / float(columns.len() as u64);
    let most = columns
        .iter()
        .flat_map(|column| &column.top)
        .map(|(_, count)| *count)
        .max()?;
    let height = TOP + ROW * float(rows as u64 + 1) + 12.0;
    let plot = &words.plot;
    let body = html! {
        @for (place, column) in (0..).zip(columns) {
            @let x = 12.0 + wide * f64::from(place);
            text class="label" x=(at(x)) y=(at(TOP)) { ((plot.characters)(column.length, column.error > 0)) }
            @for (row, (prefix, count)) in (1..).zip(column.top.iter().take(ROWS)) {
                @let y = TOP + ROW * f64::from(row);
                rect class="total" x=(at(x)) y=(at(y - 12.0)) height=(at(ROW - 4.0)) width=(at((wide - 12.0) * float(*count) / float(most))) {}
                text class="mono" x=(at(x + 3.0)) y=(at(y)) { (text::escape(prefix.text())) }
                text x=(at(x + wide - 16.0)) y=(at(y)) text-anchor="end" { (count) }
            }
        }
    };
    let mut figure = Figure::new(
        Kind::Prefixes,
        host,
        words,
        Drawing {
            width: WIDTH,
            height,
            body,
        },
    );
    let first = columns.iter().filter_map(|column| {
        let (prefix, count) = column.top.first()?;
        Some(format!(
            "{}: {} {count}",
            column.length,
            text::escape(prefix.text())
        ))
    });
    figure.summary = first.collect::<Vec<_>>().join(", ");
    let names = [plot.columns.length, plot.columns.prefix, plot.columns.count];
    figure.columns = names.map(str::to_owned).into();
    let all = columns
        .iter()
        .flat_map(|column| column.top.iter().map(|top| (column.length, top)));
    figure.rows = all
        .map(|(length, (prefix, count))| {
            vec![
                Value::from(length),
                Value::from(text::escape(prefix.text())),
                Value::from(*count),
            ]
        })
        .collect();
    Some(figure)
}
