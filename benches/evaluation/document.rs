//! docs/EVALUATION.md: figures as tables, each with what it is of.

use super::ablation::Trial;
use super::baselines::Baseline;
use super::figures::{Share, brier, precision, quantile};
use super::outcome::{Delay, Outcome};
use super::plan::Size;
use mxray::synth::population::{Family, Row, Truth, View, rows};
use mxray::verdict::{Class, Level};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What the figures are of.
pub(crate) struct Run<'a> {
    pub(crate) size: Size,
    pub(crate) seed: &'a str,
    pub(crate) packets: usize,
    /// Hosts convicted that are none of the labelled.
    pub(crate) others: usize,
}

/// The whole file.
pub(crate) fn write(run: &Run<'_>, all: &[Outcome], trials: &[Trial]) -> String {
    let mut text = head(run, all);
    for part in [
        aims(all),
        recall(all),
        views(all),
        false_positives(all),
        sentences(all),
        clients(all),
        delays(all),
        confusion(all),
        baselines(all),
        families_left_out(all),
        reliability(all),
        evidence(all),
        without(trials),
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
    Share::count(these, |one| one.convicted())
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
         convicted if any verdict of the day was `likely` or `confirmed`. Intervals are Wilson's of \
         95 %. Besides the labelled ones, {} hosts (the sites' resolvers and mail servers) were \
         convicted.\n\n\
         Four generator families differ in vocabulary, law of arrival, resolver, mail servers and \
         dialect of bots; parameters are drawn for each host. They are generated hosts all the same: \
         figures on real captures are in REAL-CAPTURES.md.\n",
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
    let hard = convicted(honest(all, Truth::Hard).filter(|one| one.view != View::DnsOnly));
    let right = Share::count(bots(all).filter(|one| one.convicted()), |one| {
        one.class_right()
    });
    let recall = convicted(bots(all)).value();
    let at = |base| {
        let (_, upper) = ordinary.wilson();
        format!(
            "{:.3} (with the upper bound of false positives {:.3})",
            precision(recall, ordinary.value(), base),
            precision(recall, upper, base)
        )
    };
    let (domains, _) = conviction(all, |one| one.both_halves());
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
            format!("within 1 s: {}; longest {longest:.3} s", within.told()),
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

fn recall(all: &[Outcome]) -> String {
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
         does: both halves are DNS and SMTP, both ways, with whatever loss, doubling or disorder.\n\n{}",
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

fn views(all: &[Outcome]) -> String {
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

fn false_positives(all: &[Outcome]) -> String {
    let line = |row: &'static Row| {
        let these = all
            .iter()
            .filter(move |one| one.sample.row.name == row.name);
        let suspected = Share::count(these.clone(), |one| one.level >= Level::Suspected);
        let full = convicted(these.clone().filter(|one| one.view != View::DnsOnly));
        let dns = convicted(these.filter(|one| one.view == View::DnsOnly));
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
        "convicted at a DNS-only tap",
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
        .filter(|one| one.sample.row.name == row.name && (one.view == View::DnsOnly) == dns_only);
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

fn sentences(all: &[Outcome]) -> String {
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
                "worst at a DNS-only tap"
            ],
            lines
        )
    )
}

fn clients(all: &[Outcome]) -> String {
    let mut lines = Vec::new();
    for row in rows().iter().filter(|row| row.name.starts_with("client-")) {
        let full = |one: &&Outcome| one.sample.row.name == row.name && one.view == View::Full;
        let these = || all.iter().filter(full);
        let forms: BTreeSet<&str> = these().map(|one| &*one.sample.form).collect();
        for form in forms {
            let these = || these().filter(|one| one.sample.form == form);
            let share = convicted(these());
            let classes: BTreeSet<&str> = these().map(|one| one.class.name()).collect();
            let told =
                |level| told_delay(these().filter_map(|one| one.reached.get(&level)).copied());
            lines.push(vec![
                row.name.to_owned(),
                form.to_owned(),
                format!("{} of {}", share.hits, share.of),
                classes.into_iter().collect::<Vec<_>>().join(", "),
                told(Level::Suspected),
                told(Level::Likely),
            ]);
        }
    }
    format!(
        "## The study's clients\n\nA is the mail server and must not be convicted. Delays are from \
         the first query: packets of the host, recipient domains, seconds; medians.\n\n{}",
        table(
            &[
                "client",
                "form",
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

fn delays(all: &[Outcome]) -> String {
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

fn confusion(all: &[Outcome]) -> String {
    let mut counts: BTreeMap<(&str, Class), usize> = BTreeMap::new();
    for one in bots(all).filter(|one| one.convicted()) {
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

fn baselines(all: &[Outcome]) -> String {
    let rates = |name: &str, alarm: &dyn Fn(&Outcome) -> bool| {
        let share =
            |these: &mut dyn Iterator<Item = &Outcome>| Share::count(these, |one| alarm(one));
        let both = share(&mut bots(all).filter(|one| one.both_halves()));
        let half = share(&mut bots(all).filter(|one| !one.both_halves()));
        let ordinary = share(&mut honest(all, Truth::Ordinary));
        let hard = share(&mut honest(all, Truth::Hard));
        vec![
            name.to_owned(),
            both.told(),
            half.told(),
            ordinary.percent(),
            hard.percent(),
            format!("{:.3}", precision(both.value(), ordinary.value(), 0.01)),
        ]
    };
    let mut lines = vec![rates("mxray", &|one| one.convicted())];
    for baseline in Baseline::ALL {
        lines.push(rates(baseline.name(), &|one| {
            one.baselines.alarms(baseline)
        }));
    }
    format!(
        "## The same hosts by other rules\n\nSPOT's label of a message is what the receiver's server \
         said, a refusal for good or an acceptance, where that is to be read.\n\n{}",
        table(
            &[
                "rule",
                "recall, both halves",
                "recall, half a view",
                "ordinary",
                "lookalikes",
                "precision at 1 %"
            ],
            lines
        )
    )
}

/// A border for the score by three families, tried on the fourth.
fn families_left_out(all: &[Outcome]) -> String {
    let lines = Family::ALL.into_iter().map(|family| {
        let outside = |one: &&Outcome| one.sample.family != family;
        let inside = |one: &&Outcome| one.sample.family == family;
        let border = border(all.iter().filter(outside));
        let caught = Share::count(bots(all).filter(inside), |one| one.score >= border);
        let ordinary = Share::count(honest(all, Truth::Ordinary).filter(inside), |one| {
            one.score >= border
        });
        let hard = Share::count(honest(all, Truth::Hard).filter(inside), |one| {
            one.score >= border
        });
        let own = convicted(bots(all).filter(inside));
        let own_ordinary = convicted(honest(all, Truth::Ordinary).filter(inside));
        let own_hard = convicted(honest(all, Truth::Hard).filter(inside));
        vec![
            family.name().to_owned(),
            format!("{border:.2}"),
            caught.told(),
            ordinary.percent(),
            hard.percent(),
            own.told(),
            own_ordinary.percent(),
            own_hard.percent(),
        ]
    });
    format!(
        "## Leave one family out\n\nThe border is the lowest score at which, on the three other \
         families, no more than .02 % of ordinary host-days and 1 % of lookalikes are above it; then \
         it is tried on the family that it has not seen. Beside it what mxray's own levels do there, \
         which were fitted to none.\n\n{}",
        table(
            &[
                "left out",
                "border",
                "recall",
                "ordinary",
                "lookalikes",
                "recall, own levels",
                "ordinary, own levels",
                "lookalikes, own levels",
            ],
            lines
        )
    )
}

fn border<'a>(these: impl Iterator<Item = &'a Outcome> + Clone) -> f64 {
    let above = |truth: Truth, share: f64| {
        let scores = these.clone().filter(|one| one.sample.row.truth == truth);
        let mut scores: Vec<f64> = scores.map(|one| one.score).collect();
        // The next number above the score that may not be passed.
        quantile(&mut scores, 1.0 - share).unwrap_or_default() + 1e-6
    };
    above(Truth::Ordinary, 0.0002).max(above(Truth::Hard, 0.01))
}

fn reliability(all: &[Outcome]) -> String {
    let told: Vec<(f64, bool)> = all
        .iter()
        .filter(|one| !one.is_bot() || one.visible())
        .map(|one| (one.posterior, one.is_bot()))
        .collect();
    let lines = (0..10_u8).map(|decile| {
        let low = f64::from(decile) / 10.0;
        let high = f64::from(decile + 1) / 10.0;
        let these = told
            .iter()
            .filter(|(p, _)| *p >= low && (*p < high || decile == 9));
        let share = Share::count(these.clone(), |(_, bot)| *bot);
        #[expect(clippy::cast_precision_loss, reason = "counts of hosts")]
        let mean = these.map(|(p, _)| p).sum::<f64>() / share.of.max(1) as f64;
        let mean = if share.of == 0 {
            "–".to_owned()
        } else {
            format!("{mean:.3}")
        };
        vec![format!("{low:.1} to {high:.1}"), mean, share.told()]
    });
    format!(
        "## Reliability of the posterior\n\nThe highest posterior of each host-day against the truth. \
         It is told for one host in a thousand infected; here {} of {} are bots and the lookalikes are \
         many, so that the middle deciles must lie above the diagonal. Brier score {:.4}.\n\n{}",
        told.iter().filter(|(_, bot)| *bot).count(),
        told.len(),
        brier(&told),
        table(&["posterior", "mean", "share of bots"], lines)
    )
}

/// Which families speak against whom at the end of the day, and what that would weigh.
fn evidence(all: &[Outcome]) -> String {
    let full: Vec<&Outcome> = all.iter().filter(|one| one.view == View::Full).collect();
    let families: BTreeSet<&str> = full
        .iter()
        .flat_map(|one| one.families.iter().copied())
        .collect();
    let share = |family: &str, truth: Truth| {
        let these = full.iter().filter(|one| one.sample.row.truth == truth);
        Share::count(these, |one| one.families.contains(&family))
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of hosts")]
    let smoothed = |share: Share| (share.hits as f64 + 1.0) / (share.of as f64 + 2.0);
    let lines = families.iter().map(|family| {
        let [bot, ordinary, hard] =
            [Truth::Bot, Truth::Ordinary, Truth::Hard].map(|truth| share(family, truth));
        vec![
            (*family).to_owned(),
            format!("{:.3}", bot.value()),
            format!("{:.4}", ordinary.value()),
            format!("{:.3}", hard.value()),
            format!("{:+.2}", (smoothed(bot) / smoothed(ordinary)).ln()),
            format!("{:+.2}", (smoothed(bot) / smoothed(hard)).ln()),
        ]
    });
    let mut text = String::from("## Evidence by family\n\n");
    let _ = writeln!(
        text,
        "Of the host-days with both halves seen, the share in which the family speaks against the \
         host at the end, and the logarithm of the ratio of shares (Laplace: one more of each)."
    );
    text.push('\n');
    let head = [
        "family",
        "bots",
        "ordinary",
        "lookalikes",
        "ln bots/ordinary",
        "ln bots/lookalikes",
    ];
    text.push_str(&table(&head, lines));
    text
}

/// The same hosts judged without one family of evidence each time.
fn without(trials: &[Trial]) -> String {
    let all = trials.first();
    let more = |share: Share, of: fn(&Trial) -> Share| {
        let all = all.map(of).unwrap_or_default();
        format!(
            "{} of {} ({:+.3})",
            share.hits,
            share.of,
            share.value() - all.value()
        )
    };
    let lines = trials.iter().map(|trial| {
        vec![
            trial.without.to_owned(),
            more(trial.bots, |trial| trial.bots),
            more(trial.ordinary, |trial| trial.ordinary),
            more(trial.hard, |trial| trial.hard),
        ]
    });
    let body = if trials.is_empty() {
        "Left out at this size.\n".to_owned()
    } else {
        let head = [
            "without",
            "bots convicted",
            "ordinary convicted",
            "lookalikes convicted",
        ];
        table(&head, lines)
    };
    format!(
        "## Without a family\n\nA part of the hosts, both halves seen, judged with all evidence and \
         then each time without one family; in brackets what that changes.\n\n{body}"
    )
}
