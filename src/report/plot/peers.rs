//! The mail servers that a host turned to most often, and what became of the connections.

use super::super::language::Words;
use super::super::story::Page;
use super::axis::{Scale, level};
use super::{BELOW, Drawing, Figure, Kind, RIGHT, TOP, WIDTH, at, float};
use crate::host::HostAddr;
use maud::{Markup, html};
use serde_json::Value;

/// Servers that are drawn.
const SERVERS: usize = 20;
const NAMES: f64 = 220.0;
const BAR: f64 = 20.0;

pub(super) fn draw(host: HostAddr, page: &Page, words: &Words) -> Option<Figure> {
    let servers = page.peers.by_attempts();
    let most = servers
        .first()
        .map(|(_, tally)| tally.attempts)
        .filter(|most| *most > 0)?;
    let smtp = page.event.as_ref().map(|event| &event.mxray.smtp)?;
    // Where servers' packets are not mirrored nobody knows.
    let seen = smtp.established.is_some();
    let plot = &words.plot;
    let rest = servers
        .iter()
        .skip(SERVERS)
        .map(|(_, tally)| tally.attempts)
        .sum::<u64>()
        + page.peers.omitted();
    let shown = servers.len().min(SERVERS);
    let height = TOP + BAR * float(shown as u64 + u64::from(rest > 0)) + BELOW;
    let x = Scale::from_zero(float(most), NAMES, WIDTH - RIGHT);
    let body = html! {
        (legend(words, seen))
        (level(&x, height - BELOW, TOP, plot.attempts))
        @for (row, (server, tally)) in (0..).zip(servers.iter().take(SERVERS)) {
            @let y = TOP + BAR * f64::from(row);
            text class="mono" x=(at(NAMES - 6.0)) y=(at(y + 14.0)) text-anchor="end" { (server.addr) " " (server.port) }
            @let parts = if seen {
                // An answer that comes late is one after all.
                let open = tally.attempts.saturating_sub(tally.established + tally.refused);
                vec![("bar", tally.established), ("bar refused", tally.refused), ("bar unanswered", open)]
            } else {
                vec![("bar unseen", tally.attempts)]
            };
            @let mut from = 0;
            @for (class, count) in parts {
                @if count > 0 {
                    rect class=(class) x=(at(x.at(float(from)))) y=(at(y + 3.0)) height=(at(BAR - 6.0))
                        width=(at(x.at(float(from + count)) - x.at(float(from)))) {}
                }
                @let () = from += count;
            }
        }
        @if rest > 0 {
            text class="note" x=(at(NAMES)) y=(at(TOP + BAR * float(shown as u64) + 14.0)) { ((plot.others)(rest)) }
        }
    };
    let mut figure = Figure::new(
        Kind::Peers,
        host,
        words,
        Drawing {
            width: WIDTH,
            height,
            body,
        },
    );
    let told = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
    figure.summary = format!(
        "{} {}, {} {}, {} {}, {} {}",
        plot.attempts,
        told(smtp.attempts),
        plot.established,
        told(smtp.established),
        plot.refused,
        told(smtp.refused),
        plot.unanswered,
        told(smtp.unanswered)
    );
    let names = [
        plot.server,
        plot.columns.port,
        plot.attempts,
        plot.established,
        plot.refused,
        plot.unanswered,
        plot.accepted,
        plot.rejected,
    ];
    figure.columns = names.map(str::to_owned).into();
    figure.rows = servers
        .iter()
        .map(|(server, tally)| {
            let known = |count: u64| {
                if seen {
                    Value::from(count)
                } else {
                    Value::Null
                }
            };
            vec![
                Value::from(server.addr.to_string()),
                Value::from(server.port),
                Value::from(tally.attempts),
                known(tally.established),
                known(tally.refused),
                known(tally.unanswered),
                known(tally.accepted),
                known(tally.rejected),
            ]
        })
        .collect();
    Some(figure)
}

fn legend(words: &Words, seen: bool) -> Markup {
    let plot = &words.plot;
    let parts = if seen {
        vec![
            ("bar", plot.established),
            ("bar refused", plot.refused),
            ("bar unanswered", plot.unanswered),
        ]
    } else {
        vec![("bar unseen", plot.unseen)]
    };
    html! {
        @for (place, (class, name)) in (0..).zip(parts) {
            @let x = NAMES + 150.0 * f64::from(place);
            rect class=(class) x=(at(x)) y=(at(TOP - 16.0)) width="20" height="12" {}
            text x=(at(x + 26.0)) y=(at(TOP - 6.0)) { (name) }
        }
    }
}
