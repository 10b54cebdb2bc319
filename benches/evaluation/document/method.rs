//! Of the method: other rules, families of hosts and of evidence left out, probabilities.

use super::super::ablation::Trial;
use super::super::baselines::Baseline;
use super::super::figures::{Share, brier, precision, quantile};
use super::super::outcome::{Outcome, RuledOut};
use super::{bots, convicted, honest, table};
use mxray::synth::population::{Family, Truth, View};
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(super) fn baselines(all: &[Outcome]) -> String {
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
    let mut lines = vec![rates("mxray", &|one| one.found())];
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

/// What evidence against one honest thing alone could win at the most, and what it would cost.
pub(super) fn ruled_out(all: &[Outcome]) -> String {
    let lines = RuledOut::THINGS.into_iter().enumerate().map(|(at, thing)| {
        let convicts = |one: &Outcome| one.ruled_out.convicts().get(at) == Some(&true);
        let share = |these: &mut dyn Iterator<Item = &Outcome>| {
            Share::count(these, |one| one.found() || convicts(one))
        };
        vec![
            thing.to_owned(),
            share(&mut bots(all).filter(|one| one.both_halves())).told(),
            share(&mut bots(all).filter(|one| !one.both_halves())).told(),
            share(&mut honest(all, Truth::Ordinary)).percent(),
            share(&mut honest(all, Truth::Hard)).percent(),
        ]
    });
    format!(
        "## If one thing were ruled out\n\nA host that mails is a bot, a PC, a sender or a prober. These \
         would be convicted if one of the three were ruled out for certain, by the sums of each verdict \
         and of the end: what any evidence against that one alone could win at the most, and whom it \
         would convict where it is wrong.\n\n{}",
        table(
            &[
                "ruled out",
                "recall, both halves",
                "recall, half a view",
                "ordinary",
                "lookalikes"
            ],
            lines
        )
    )
}

/// A border for the score by three families, tried on the fourth.
pub(super) fn families_left_out(all: &[Outcome]) -> String {
    let lines = Family::ALL.into_iter().map(|family| {
        let outside = |one: &&Outcome| one.sample.family != family;
        let inside = |one: &&Outcome| one.sample.family == family;
        let border = border(&all.iter().filter(outside));
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
         it is tried on the family that it has not seen. Beside it what mxray's own levels do there. \
         The levels were fitted to no family; weights are priors, of which some were changed where this \
         evaluation, of all four families, showed them wrong (decision 0015).\n\n{}",
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

/// The family that nothing was chosen by.
pub(super) fn held_out(all: &[Outcome]) -> String {
    let both = convicted(bots(all).filter(|one| one.both_halves() && !one.sample.mixed));
    let mixed = convicted(bots(all).filter(|one| one.both_halves() && one.sample.mixed));
    let half = convicted(bots(all).filter(|one| !one.both_halves()));
    let ordinary = convicted(honest(all, Truth::Ordinary));
    let hard = convicted(honest(all, Truth::Hard).filter(|one| !one.dns_alone()));
    let right = Share::count(bots(all).filter(|one| one.found()), |one| one.class_right());
    let line = [
        both.told(),
        mixed.told(),
        half.told(),
        ordinary.percent(),
        hard.percent(),
        right.told(),
    ];
    format!(
        "## A family that nothing was chosen by\n\nHosts of a fifth world ({}), which is in no other \
         table: both halves, DNS only, and the client's side only.\n\n{}",
        Family::HELD_OUT.name(),
        table(
            &[
                "recall, both halves",
                "mixed with a person",
                "half a view",
                "ordinary",
                "lookalikes",
                "class right",
            ],
            [line.to_vec()]
        )
    )
}

fn border<'a>(these: &(impl Iterator<Item = &'a Outcome> + Clone)) -> f64 {
    let above = |truth: Truth, share: f64| {
        let scores = these.clone().filter(|one| one.sample.row.truth == truth);
        let mut scores: Vec<f64> = scores.map(|one| one.score).collect();
        // The next number above the score that may not be passed.
        quantile(&mut scores, 1.0 - share).unwrap_or_default() + 1e-6
    };
    above(Truth::Ordinary, 0.0002).max(above(Truth::Hard, 0.01))
}

pub(super) fn reliability(all: &[Outcome]) -> String {
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
pub(super) fn evidence(all: &[Outcome]) -> String {
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
pub(super) fn without(trials: &[Trial]) -> String {
    let all = trials.first();
    let more = |share: Share, of: fn(&Trial) -> Share| {
        let all = all.map(of).unwrap_or_default();
        if share.of == 0 {
            return "–".to_owned();
        }
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
            more(trial.full.bots, |trial| trial.full.bots),
            more(trial.full.ordinary, |trial| trial.full.ordinary),
            more(trial.full.hard, |trial| trial.full.hard),
            more(trial.dns.bots, |trial| trial.dns.bots),
            more(trial.dns.hard, |trial| trial.dns.hard),
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
            "bots, DNS only",
            "lookalikes, DNS only",
        ];
        table(&head, lines)
    };
    format!(
        "## Without a family\n\nA part of the hosts, judged with all evidence and then each time \
         without one family, where both halves are seen and, for families of the DNS, where nothing else \
         is; in brackets what that changes.\n\n{body}"
    )
}
