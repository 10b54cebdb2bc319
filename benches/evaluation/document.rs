//! docs/EVALUATION.md: figures as tables, each with what it is of.

mod bots;
mod lookalikes;
mod method;

use super::ablation::Trial;
use super::figures::{Share, precision, quantile};
use super::outcome::{Delay, Outcome};
use super::plan::Size;
use mxray::synth::population::{Row, Truth, rows};
use mxray::verdict::Level;

/// What the figures are of.
pub(crate) struct Run<'a> {
    pub(crate) size: Size,
    pub(crate) seed: &'a str,
    pub(crate) packets: usize,
    /// Hosts convicted that are none of the labelled.
    pub(crate) others: usize,
}

/// The whole file; `held_out`: of the family that nothing is chosen by.
pub(crate) fn write(
    run: &Run<'_>,
    all: &[Outcome],
    held_out: &[Outcome],
    trials: &[Trial],
) -> String {
    let mut text = head(run, all);
    for part in [
        aims(all),
        bots::recall(all),
        bots::views(all),
        lookalikes::false_positives(all),
        lookalikes::sentences(all),
        bots::clients(all),
        bots::delays(all),
        bots::confusion(all),
        method::baselines(all),
        method::families_left_out(all),
        method::held_out(held_out),
        method::ruled_out(all),
        method::reliability(all),
        method::evidence(all),
        method::without(trials),
    ] {
        text.push('\n');
        text.push_str(&part);
    }
    text
}

/// A table from its head and its rows.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let owned: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let mut text = line(&owned);
    text.push_str(&line(&vec!["---".to_owned(); head.len()]));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        text.push_str(&line(&cells));
    }
    text
}

fn bots(all: &[Outcome]) -> impl Iterator<Item = &Outcome> + Clone {
    all.iter().filter(|one| one.is_bot() && one.visible())
}

fn honest(all: &[Outcome], truth: Truth) -> impl Iterator<Item = &Outcome> + Clone {
    all.iter().filter(move |one| one.sample.row.truth == truth)
}

fn convicted<'a>(these: impl IntoIterator<Item = &'a Outcome>) -> Share {
    Share::count(these, |one| one.found())
}

fn head(run: &Run<'_>, all: &[Outcome]) -> String {
    let count = |truth| honest(all, truth).count();
    let size = run.size.name;
    format!(
        "# Evaluation\n\n\
         Is mxray right? Hosts whose truth is known are made by `src/synth/population`, run through \
         the whole pipeline in memory, and every verdict is held against the label. This file is \
         written by\n\n\
         ```sh\nmake evaluation SIZE={size} SEED={}\n```\n\n\
         and the same size and seed give the same file. {} host-days of bots, {} of ordinary hosts, \
         {} of honest hosts that look like bots (\"lookalikes\"); {} packets. A host-day counts as \
         convicted if any verdict of the day was `likely` or `confirmed`, or told of a flood. \
         Intervals are Wilson's of 95 %. Besides the labelled ones, {} hosts (the sites' resolvers and mail servers) were \
         convicted.\n\n\
         Four generator families differ in vocabulary, law of arrival, resolver, mail servers and \
         dialect of bots; parameters are drawn for each host. They are generated hosts all the same: \
         verdicts on real captures are in [REAL-VERDICTS.md](REAL-VERDICTS.md), and why an aim is missed in [decisions/0015](decisions/0015-one-sequential-score.md).\n",
        run.seed,
        count(Truth::Bot),
        count(Truth::Ordinary),
        count(Truth::Hard),
        run.packets,
        run.others,
    )
}

fn aims(all: &[Outcome]) -> String {
    let both = convicted(bots(all).filter(|one| one.both_halves() && !one.sample.mixed));
    let mixed = convicted(bots(all).filter(|one| one.both_halves() && one.sample.mixed));
    let half = convicted(bots(all).filter(|one| !one.both_halves()));
    let ordinary = convicted(honest(all, Truth::Ordinary));
    let hard = convicted(honest(all, Truth::Hard).filter(|one| !one.dns_alone()));
    let right = Share::count(bots(all).filter(|one| one.found()), |one| one.class_right());
    let recall = convicted(bots(all)).value();
    let at = |base| {
        let (_, upper) = ordinary.wilson();
        format!(
            "{:.3} (with the upper bound of false positives {:.3})",
            precision(recall, ordinary.value(), base),
            precision(recall, upper, base)
        )
    };
    let (domains, _) = conviction(all, Outcome::both_halves);
    let mut lags: Vec<f64> = all
        .iter()
        .flat_map(|one| one.lags.iter().copied())
        .collect();
    let within = Share::count(lags.iter(), |lag| **lag <= 1.0);
    let longest = quantile(&mut lags, 1.0).unwrap_or_default();
    let row = |what: &str, aim: &str, is: String| vec![what.to_owned(), aim.to_owned(), is];
    let rows = vec![
        row("recall, DNS and SMTP seen", "≥ .99", both.told()),
        row(
            "recall, the same, mixed with a person's traffic",
            "≥ .98",
            mixed.told(),
        ),
        row("recall, one half seen", "≥ .97", half.told()),
        row(
            "false positives, ordinary host-days",
            "≤ .02 % (upper bound)",
            ordinary.percent(),
        ),
        row("false positives, lookalikes", "≤ 1 %", hard.percent()),
        row("precision at 1 % bots", "≥ .98", at(0.01)),
        row("precision at 0.1 % bots", "–", at(0.001)),
        row("class right, given convicted", "≥ .95", right.told()),
        row(
            "recipient domains until conviction, DNS and SMTP seen",
            "median ≤ 4, p95 ≤ 7",
            domains,
        ),
        row(
            "verdict's time after the newest packet of the host",
            "≤ 1 s",
            format!(
                "within 1 s: {}; the rest rests on silence or on other hosts' packets, longest {longest:.0} s",
                within.told()
            ),
        ),
    ];
    format!(
        "## Aims and what was measured\n\n{}",
        table(&["figure", "aim", "measured"], rows)
    )
}

fn of_rows(truth: Truth) -> impl Iterator<Item = &'static Row> {
    rows().iter().filter(move |row| row.truth == truth)
}

#[expect(clippy::cast_precision_loss, reason = "counts of packets")]
fn packets(delay: &Delay) -> f64 {
    delay.packets as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts of domains")]
fn domains(delay: &Delay) -> f64 {
    delay.domains as f64
}

/// Median and p95 of domains until conviction, and of how many hosts.
fn conviction(all: &[Outcome], which: impl Fn(&Outcome) -> bool) -> (String, usize) {
    let delays = bots(all).filter(|one| which(one) && !one.sample.recipients.is_empty());
    let delays = delays.filter_map(|one| one.reached.get(&Level::Likely));
    let mut delays: Vec<f64> = delays.map(domains).collect();
    let count = delays.len();
    match (quantile(&mut delays, 0.5), quantile(&mut delays, 0.95)) {
        (Some(median), Some(p95)) => (format!("median {median:.0}, p95 {p95:.0}"), count),
        _ => ("–".to_owned(), 0),
    }
}
