//! Of honest hosts: how many are convicted, and what is said of the worst.

use super::super::figures::Share;
use super::super::outcome::Outcome;
use super::{convicted, of_rows, table};
use mxray::synth::population::{Row, Truth};
use mxray::verdict::Level;

pub(super) fn false_positives(all: &[Outcome]) -> String {
    let line = |row: &'static Row| {
        let these = all
            .iter()
            .filter(move |one| one.sample.row.name == row.name);
        let suspected = Share::count(these.clone(), |one| one.level >= Level::Suspected);
        let full = convicted(these.clone().filter(|one| !one.dns_alone()));
        let dns = convicted(these.filter(|one| one.dns_alone()));
        vec![
            row.name.to_owned(),
            full.percent(),
            format!("{} of {}", dns.hits, dns.of),
            format!("{} of {}", suspected.hits, suspected.of),
        ]
    };
    let head = [
        "host",
        "convicted",
        "convicted by its DNS alone",
        "suspected or more, all views",
    ];
    format!(
        "## False positives by kind of honest host\n\n{}\n{}",
        table(&head, of_rows(Truth::Hard).map(line)),
        table(&head, of_rows(Truth::Ordinary).map(line)),
    )
}

/// The most severe of a row.
fn worst(all: &[Outcome], row: &Row, dns_only: bool) -> Option<String> {
    let these = all
        .iter()
        .filter(|one| one.sample.row.name == row.name && one.dns_alone() == dns_only);
    let worst = these.max_by(|a, b| {
        let key = |one: &Outcome| (one.level, one.score);
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    })?;
    Some(format!(
        "**{}**, {:.1}: {}",
        worst.level, worst.score, worst.reason
    ))
}

pub(super) fn sentences(all: &[Outcome]) -> String {
    let lines = of_rows(Truth::Hard).map(|row| {
        let told = |dns_only| worst(all, row, dns_only).unwrap_or_else(|| "–".to_owned());
        vec![
            row.name.to_owned(),
            row.summary.to_owned(),
            told(false),
            told(true),
        ]
    });
    format!(
        "## What mxray says of lookalikes\n\nThe highest level among all of a kind, its score, and \
         the sentence, which goes on from the host's address.\n\n{}",
        table(
            &[
                "host",
                "what it is",
                "worst sentence",
                "worst by its DNS alone"
            ],
            lines
        )
    )
}
