//! What speaks for a host: what was seen, and what it weighs.

use super::evidence::Family;
use super::judge::Judge;
use super::score::Score;
use super::spam_fanout;
use super::suspect::Suspect;
use crate::words::counted;

/// A weight that shows in one decimal.
const SHOWS: f64 = 0.05;

/// What speaks for the host.
#[derive(Clone, Debug, PartialEq)]
pub struct CounterEvidence {
    /// The stable name of what was seen.
    pub what: &'static str,
    /// How often.
    pub count: u64,
    /// Log-likelihood ratio (natural logarithm) of what it weighs, so 0 or less: how much rarer a
    /// bot shows this than the honest host that it speaks for most. 0 for what explains something
    /// and has no weight of its own, or none in the host's role.
    pub llr: f64,
    /// One plain sentence.
    pub text: String,
}

impl CounterEvidence {
    /// With its weight, which the sentence tells where there is one.
    pub(super) fn new(what: &'static str, count: u64, llr: f64, text: String) -> Self {
        // Never −0, which would be told.
        let (llr, text) = if llr < -SHOWS {
            (llr, format!("{text}, which weighs {llr:+.1}"))
        } else {
            (0.0, text)
        };
        Self {
            what,
            count,
            llr,
            text,
        }
    }

    /// Whether it says more than that nothing was weighed.
    pub(super) fn weighs(&self) -> bool {
        self.llr < 0.0
    }
}

/// What speaks for the host, as `judge` weighs it.
pub(super) fn of(judge: &Judge<'_>, suspect: &Suspect, sums: &Score) -> Vec<CounterEvidence> {
    let weight = |family| {
        if judge.counts(family) {
            sums.of(family)
        } else {
            super::score::Against::default()
        }
    };
    // The lookups have one weight, as far as the MX queries have not used it up.
    let server = weight(Family::NoServerLookups).sender.min(0.0);
    let all = number(suspect.server.lookups()).max(1.0);
    let lookups = suspect.server.lookups.iter();
    let mut against: Vec<_> = lookups
        .map(|(lookup, &count)| {
            let lookups = counted(count, &format!("{} lookup", lookup.words()));
            let text = format!("made {lookups}, as mail servers do");
            CounterEvidence::new(lookup.name(), count, server * number(count) / all, text)
        })
        .collect();
    let led = suspect.led.len() as u64;
    if led > 0 {
        let domains = counted(led, "domain");
        let text = format!("in {domains} an MX lookup led to the mail host");
        against.push(CounterEvidence::new("mx-led", led, 0.0, text));
    }
    let count = suspect.follow.alone;
    let lookups = counted(count, "mail lookup");
    let text = format!("{lookups} had no mail connection after them");
    let llr = weight(Family::Follow).prober;
    let alone = CounterEvidence::new("not-followed", count, llr, text);
    against.extend(Some(alone).filter(CounterEvidence::weighs));
    against.extend(spam_fanout::against(&weight, &suspect.peers));
    against
}

fn number(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_weighs_nothing_is_no_negative_zero() {
        let none = CounterEvidence::new("mx-led", 1, -0.0, "it did".to_owned());
        assert!(none.llr.is_sign_positive() && !none.weighs());
        assert_eq!(none.text, "it did");
        let some = CounterEvidence::new("smtp-quit", 1, -0.2, "it quit".to_owned());
        assert_eq!(some.text, "it quit, which weighs -0.2");
    }
}
