//! Of bots: how many are convicted, as what, and how soon.

use super::super::figures::{Share, quantile};
use super::super::outcome::{Delay, Outcome};
use super::{bots, convicted, domains, honest, of_rows, packets, table};
use mxray::synth::population::{Truth, View, rows};
use mxray::verdict::{Class, Level};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn recall(all: &[Outcome]) -> String {
    let lines = of_rows(Truth::Bot).map(|row| {
        let these = bots(all).filter(move |one| one.sample.row.name == row.name);
        let alone = convicted(
            these
                .clone()
                .filter(|one| one.both_halves() && !one.sample.mixed),
        );
        let mixed = convicted(
            these
                .clone()
                .filter(|one| one.both_halves() && one.sample.mixed),
        );
        let half = convicted(these.filter(|one| !one.both_halves()));
        vec![
            row.name.to_owned(),
            row.summary.to_owned(),
            alone.told(),
            mixed.told(),
            half.told(),
        ]
    });
    format!(
        "## Recall by kind of bot\n\nOf the host-days in which the sensor could see what the bot \
         does: both halves are DNS and SMTP, both ways, with whatever loss, doubling or disorder. A bot \
         that shows in one of them only (hidden DNS, floods, relaying) has half a view wherever it is seen. \
         A flood is told of the server that is asked, and counts for the host that the verdict names as \
         its source, from `suspected` on: few have both caps that a conviction takes (decision 0014).\n\n{}",
        table(
            &[
                "bot",
                "what it is",
                "both halves",
                "mixed with a person",
                "half a view"
            ],
            lines
        )
    )
}

pub(super) fn views(all: &[Outcome]) -> String {
    let lines = View::ALL.into_iter().map(|view| {
        let in_view = move |one: &&Outcome| one.view == view;
        let recall = convicted(bots(all).filter(in_view));
        let ordinary = convicted(honest(all, Truth::Ordinary).filter(in_view));
        let hard = convicted(honest(all, Truth::Hard).filter(in_view));
        vec![
            view.name().to_owned(),
            recall.told(),
            ordinary.percent(),
            hard.percent(),
        ]
    });
    format!(
        "## By what the sensor sees\n\n{}",
        table(
            &[
                "view",
                "recall",
                "ordinary convicted",
                "lookalikes convicted"
            ],
            lines
        )
    )
}

/// What of a client was there to be seen: its DNS, or its SMTP as well.
fn seen(one: &Outcome) -> &'static str {
    match (one.view, one.sample.shows.smtp) {
        (View::DnsOnly, _) => "DNS only",
        (_, false) => "both, sends nothing",
        (_, true) => "DNS and SMTP",
    }
}

pub(super) fn clients(all: &[Outcome]) -> String {
    let mut lines = Vec::new();
    for row in rows().iter().filter(|row| row.name.starts_with("client-")) {
        let of_row = |one: &&Outcome| one.sample.row.name == row.name;
        let these = || all.iter().filter(of_row);
        let forms: BTreeSet<(&str, &str)> =
            these().map(|one| (&*one.sample.form, seen(one))).collect();
        for (form, tap) in forms {
            let these = || these().filter(|one| one.sample.form == form && seen(one) == tap);
            let share = convicted(these());
            let classes: BTreeSet<&str> = these().map(|one| one.class.name()).collect();
            // Who is honest has no onset to reckon from.
            let told = |level| match row.truth {
                Truth::Bot => {
                    told_delay(these().filter_map(|one| one.reached.get(&level)).copied())
                }
                Truth::Ordinary | Truth::Hard => {
                    let share = Share::count(these(), |one| one.level >= level);
                    format!("{} of {}", share.hits, share.of)
                }
            };
            lines.push(vec![
                row.name.to_owned(),
                form.to_owned(),
                tap.to_owned(),
                format!("{} of {}", share.hits, share.of),
                classes.into_iter().collect::<Vec<_>>().join(", "),
                told(Level::Suspected),
                told(Level::Likely),
            ]);
        }
    }
    format!(
        "## The study's clients\n\nAt a tap that sees the DNS alone, as the study's did, and at one that \
         sees both; the study has no SMTP of them, and what is generated here delivers to no more than 250 \
         domains. A is the mail server and must not be convicted. Delays are from the first query: packets \
         of the host, recipient domains, seconds; medians. Of A, how many got so far.\n\n{}",
        table(
            &[
                "client",
                "form",
                "tap",
                "convicted",
                "class",
                "suspected after",
                "convicted after"
            ],
            lines
        )
    )
}

fn told_delay(delays: impl Iterator<Item = Delay>) -> String {
    let delays: Vec<Delay> = delays.collect();
    let middle =
        |value: fn(&Delay) -> f64| quantile(&mut delays.iter().map(value).collect::<Vec<_>>(), 0.5);
    match (
        middle(packets),
        middle(domains),
        middle(|delay| delay.seconds),
    ) {
        (Some(packets), Some(domains), Some(seconds)) => {
            format!("{packets:.0} packets, {domains:.0} domains, {seconds:.1} s")
        }
        _ => "never".to_owned(),
    }
}

pub(super) fn delays(all: &[Outcome]) -> String {
    let mut lines = Vec::new();
    for row in of_rows(Truth::Bot) {
        for (label, which) in [
            (
                "both halves",
                (|one| one.both_halves()) as fn(&Outcome) -> bool,
            ),
            ("DNS only", |one| one.view == View::DnsOnly),
            ("SMTP only", |one| one.view == View::SmtpOnly),
        ] {
            let these = || bots(all).filter(|one| one.sample.row.name == row.name && which(one));
            if these().next().is_none() {
                continue;
            }
            let told = |level: Level| {
                let delays = || these().filter_map(move |one| one.reached.get(&level));
                let pair = |value: fn(&Delay) -> f64| {
                    let mut values: Vec<f64> = delays().map(value).collect();
                    let median = quantile(&mut values, 0.5)?;
                    Some((median, quantile(&mut values, 0.95)?))
                };
                let pair = |value, digits: usize| {
                    pair(value).map_or("–".to_owned(), |(median, p95)| {
                        format!("{median:.digits$} / {p95:.digits$}")
                    })
                };
                [
                    pair(packets, 0),
                    pair(domains, 0),
                    pair(|delay| delay.seconds, 1),
                ]
            };
            let [notice, suspected, likely] =
                [Level::Notice, Level::Suspected, Level::Likely].map(told);
            let mut line = vec![row.name.to_owned(), label.to_owned()];
            line.extend([notice, suspected, likely].map(|told| told.join("; ")));
            lines.push(line);
        }
    }
    format!(
        "## Delay\n\nFrom the onset, of those that got there: packets of the host; recipient \
         domains; seconds. Each as median / p95.\n\n{}",
        table(&["bot", "view", "notice", "suspected", "convicted"], lines)
    )
}

pub(super) fn confusion(all: &[Outcome]) -> String {
    let mut counts: BTreeMap<(&str, Class), usize> = BTreeMap::new();
    for one in bots(all).filter(|one| one.found()) {
        *counts.entry((one.sample.row.name, one.class)).or_default() += 1;
    }
    let classes: Vec<Class> = Class::ALL
        .into_iter()
        .filter(|class| counts.keys().any(|(_, told)| told == class))
        .collect();
    let mut head = vec!["bot", "right are"];
    head.extend(classes.iter().map(|class| class.name()));
    let lines = of_rows(Truth::Bot).map(|row| {
        let right: Vec<&str> = row.classes.iter().map(|class| class.name()).collect();
        let mut line = vec![row.name.to_owned(), right.join(", ")];
        line.extend(classes.iter().map(|class| {
            let count = counts.get(&(row.name, *class));
            count.map_or(String::new(), ToString::to_string)
        }));
        line
    });
    format!("## Class of those convicted\n\n{}", table(&head, lines))
}
