//! Pictures of a host: plain SVG, without script and without fonts to fetch, and with the numbers
//! behind it as a table.
//!
//! Colours are those of Okabe and Ito, told apart with any colour vision, and no line is told by
//! its colour alone: dashes and labels say the same. They stand in [`STYLE`] as CSS variables, for
//! light and for dark.

mod axis;
mod bars;
mod correlation;
mod peers;
mod prefixes;
mod rates;
mod timeline;

use super::language::Words;
use super::story::Page;
use crate::host::HostAddr;
use maud::{Markup, PreEscaped, html};
use serde_json::Value;
use std::io::{self, Write};

/// The style of all pictures.
pub const STYLE: &str = include_str!("plot.css");

/// What a picture shows of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Queries per second by type over time (the study's Figures 1 to 6).
    Rates,
    /// Keyword A queries against all A queries, second by second (Figure 8).
    Correlation,
    /// The most frequent prefixes of names (Figure 7).
    Prefixes,
    /// The most frequent keyword labels.
    Labels,
    /// The score over time, by family of evidence.
    Score,
    /// Mail servers, and what became of the connections to them.
    Peers,
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Rates,
        Self::Correlation,
        Self::Score,
        Self::Prefixes,
        Self::Labels,
        Self::Peers,
    ];

    /// The word for it on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Correlation => "correlation",
            Self::Prefixes => "prefixes",
            Self::Labels => "labels",
            Self::Score => "score",
            Self::Peers => "peers",
        }
    }
}

/// A picture and the numbers behind it.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it shows.
    pub kind: Kind,
    /// The host.
    pub host: HostAddr,
    /// What it shows, in words.
    pub title: String,
    /// What is to be seen, for who does not see it.
    pub summary: String,
    /// Names of the columns of its numbers.
    pub columns: Vec<String>,
    /// Its numbers.
    pub rows: Vec<Vec<Value>>,
    drawing: Drawing,
}

/// What is drawn, on so many units of width and height.
#[derive(Clone, Debug)]
struct Drawing {
    width: f64,
    height: f64,
    body: Markup,
}

/// Draws a picture of a host; `None` where there is nothing of the kind to show.
#[must_use]
pub fn draw(kind: Kind, host: HostAddr, page: &Page, words: &Words) -> Option<Figure> {
    match kind {
        Kind::Rates => rates::draw(host, page, words),
        Kind::Correlation => correlation::draw(host, page, words),
        Kind::Prefixes => prefixes::draw(host, page, words),
        Kind::Labels => bars::labels(host, page, words),
        Kind::Score => timeline::draw(host, page, words),
        Kind::Peers => peers::draw(host, page, words),
    }
}

impl Figure {
    fn new(kind: Kind, host: HostAddr, words: &Words, drawing: Drawing) -> Self {
        Self {
            kind,
            host,
            title: format!("{host}: {}", (words.title)(kind)),
            summary: String::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            drawing,
        }
    }

    /// The picture, as a part of a page that holds [`STYLE`]. `id` is unique in the page.
    #[must_use]
    pub fn svg(&self, id: &str) -> Markup {
        self.svg_with(id, None)
    }

    /// Writes the picture as a file of its own.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let svg = self.svg_with("figure", Some(STYLE));
        writeln!(out, "{}", svg.into_string())
    }

    /// Writes the numbers as CSV (RFC 4180, but for line ends of one octet).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{}",
            self.columns
                .iter()
                .map(|name| csv(name))
                .collect::<Vec<_>>()
                .join(",")
        )?;
        for row in &self.rows {
            let cells = row.iter().map(|value| match value {
                Value::String(text) => csv(text),
                Value::Null => String::new(),
                value => value.to_string(),
            });
            writeln!(out, "{}", cells.collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }

    fn svg_with(&self, id: &str, style: Option<&str>) -> Markup {
        let Drawing {
            width,
            height,
            body,
        } = &self.drawing;
        let (title, summary) = (format!("{id}-title"), format!("{id}-summary"));
        html! {
            svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img"
                width=(width) height=(height) viewBox=(format!("0 0 {width} {height}"))
                aria-labelledby=(format!("{title} {summary}")) {
                title id=(title) { (self.title) }
                desc id=(summary) { (self.summary) }
                @if let Some(style) = style {
                    style { (PreEscaped(style)) }
                    rect class="paper" width=(width) height=(height) {}
                    text class="head" x="12" y="20" { (self.title) }
                }
                (body)
            }
        }
    }
}

/// A cell of a table of comma-separated values. What a spreadsheet would take for a formula gets
/// an apostrophe: names are what a stranger chose.
#[must_use]
pub fn csv(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// The room on the left, at the top, on the right and below what is drawn, in a picture of the
/// usual width.
const LEFT: f64 = 64.0;
const TOP: f64 = 44.0;
const RIGHT: f64 = 16.0;
const BELOW: f64 = 48.0;
const WIDTH: f64 = 760.0;

/// A number as a coordinate: a tenth of a unit is less than is seen.
fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// A count as a number to draw with.
#[expect(
    clippy::cast_precision_loss,
    reason = "of more than 2^53 the first digits are what is drawn"
)]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of packet time, as above"
)]
fn seconds(second: i64) -> f64 {
    second as f64
}

/// Shortened to so many characters.
fn short(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(characters.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A line by steps through points: each holds until the next.
fn steps(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        if path.is_empty() {
            path = format!("M{} {}", at(x), at(y));
        } else {
            path.extend(["H", &*at(x), "V", &*at(y)]);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_what_strangers_chose() {
        assert_eq!(csv("mail"), "mail");
        assert_eq!(csv("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv("=1+1"), "'=1+1");
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!([at(1.04), at(2.26), at(-0.5)], ["1", "2.3", "-0.5"]);
        assert_eq!(steps([(0.0, 1.0), (2.0, 3.5)]), "M0 1H2V3.5");
    }
}
