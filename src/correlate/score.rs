//! The sequential score: who the host could be, and how much speaks against each.
//!
//! A host that mails is a bot, or one of three honest things: somebody's PC, a sender (mail
//! server, newsletter host), a prober (crawler, validator of lists, monitor). Each observation
//! is a step of log-likelihood ratio, "bot" against each of the three, in one [`Family`]. The
//! steps of a family add up as a change-point test does (Page's CUSUM, with the two changes
//! below), and the families of a host add up to three sums, one for each alternative.
//!
//! The score is what is left when all alternatives are weighed together:
//!
//! `score = −ln( Σ ρ(a)/ρ(pc) · e^−S(a) )`, so `posterior = 1 / (1 + 999 · e^−score)`
//!
//! with ρ(a) the number of such hosts for one that is infected. That is why content alone
//! convicts nobody: what every sender shows too (many domains, many servers) leaves S(sender)
//! where it was, and the score cannot pass ln(999/10). It takes conduct.
//!
//! Two changes to the textbook test: sums halve every six hours, since a CUSUM over days
//! would add up what has nothing to do with each other; and they may fall below zero, by a
//! bounded credit, since an honest sender with thousands of destinations would otherwise pass
//! any threshold by bad luck. The credit is less than what two bad destinations weigh.

use super::evidence::Family;
use crate::time::{NANOS, Timestamp};
use serde::{Deserialize, Serialize};

/// Half of a sum is left after this (the study's section 4).
const HALF_LIFE: f64 = 6.0 * 3600.0;

/// Who a host could be instead of a bot; also a value for each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// Somebody's machine, that of a person who mails by a mail program included.
    pub pc: f64,
    /// A machine that delivers mail to others' servers by trade.
    pub sender: f64,
    /// A machine that asks about mail servers, or knocks at them, and sends nothing.
    pub prober: f64,
}

impl Against {
    /// The same for all three.
    #[must_use]
    pub const fn all(llr: f64) -> Self {
        Self {
            pc: llr,
            sender: llr,
            prober: llr,
        }
    }

    /// Against a PC alone: what is common among senders and probers.
    #[must_use]
    pub const fn pc(llr: f64) -> Self {
        Self {
            pc: llr,
            sender: 0.0,
            prober: 0.0,
        }
    }

    /// These three.
    #[must_use]
    pub const fn each(pc: f64, sender: f64, prober: f64) -> Self {
        Self { pc, sender, prober }
    }

    /// Applies `f` to pairs.
    #[must_use]
    pub fn with(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            pc: f(self.pc, other.pc),
            sender: f(self.sender, other.sender),
            prober: f(self.prober, other.prober),
        }
    }

    /// Applies `f` to each.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        self.with(self, |value, _| f(value))
    }

    /// The greatest of the three.
    #[must_use]
    pub fn most(self) -> f64 {
        self.pc.max(self.sender).max(self.prober)
    }
}

impl std::ops::Add for Against {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl std::ops::Sub for Against {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

/// How many hosts of each kind there are for one that is infected.
pub type Prior = Against;

/// The sums of a host, by family.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Score {
    sums: [Against; Family::ALL.len()],
    /// Packet time that the sums stand for.
    at: Option<Timestamp>,
}

impl Score {
    /// Adds a step at `now`.
    pub fn add(&mut self, family: Family, step: Against, now: Timestamp) {
        self.advance(now);
        let sum = self.sum_mut(family);
        *sum = family.limit(*sum + step);
    }

    /// Puts a state in the place of a family's sum: of what a host is like, and not of what
    /// it does time and again. It does not decay, since it is set anew.
    pub fn set(&mut self, family: Family, state: Against) {
        *self.sum_mut(family) = family.limit(state);
    }

    /// The sum of a family.
    #[must_use]
    pub fn of(&self, family: Family) -> Against {
        self.sums.get(family as usize).copied().unwrap_or_default()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "as many places as there are families"
    )]
    fn sum_mut(&mut self, family: Family) -> &mut Against {
        &mut self.sums[family as usize]
    }

    /// Lets time pass: sums halve every six hours.
    pub fn advance(&mut self, now: Timestamp) {
        let Some(before) = self.at else {
            self.at = Some(now);
            return;
        };
        if now <= before {
            return;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds do not matter here"
        )]
        let seconds = now.nanos_since(before) as f64 / NANOS as f64;
        // Less than a second changes no digit that is told, and would cost a power each.
        if seconds < 1.0 {
            return;
        }
        self.at = Some(now);
        let left = (-seconds / HALF_LIFE).exp2();
        for (sum, family) in self.sums.iter_mut().zip(Family::ALL) {
            if !family.is_state() {
                *sum = sum.map(|value| value * left);
            }
        }
    }

    /// Adds another host's sums: two addresses turned out to be one machine. States among them
    /// stand until they are set anew, before anything is judged.
    pub fn merge(&mut self, other: &Self) {
        let now = self.at.max(other.at);
        let mut other = other.clone();
        if let Some(now) = now {
            self.advance(now);
            other.advance(now);
        }
        for ((sum, more), family) in self.sums.iter_mut().zip(other.sums).zip(Family::ALL) {
            *sum = family.limit(*sum + more);
        }
    }
}

/// The score of these sums: the log-likelihood ratio of "bot" against everything that the
/// host could honestly be, weighed by how many there are; 0 is the prior.
#[must_use]
pub fn score(sums: Against, prior: Prior) -> f64 {
    let rest = sums.with(prior, |sum, many| many / super::PCS * (-sum).exp());
    -(rest.pc + rest.sender + rest.prober).ln()
}

#[cfg(test)]
mod tests {
    use super::super::{LIKELY, PRIOR, SUSPECTED};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    #[test]
    fn nothing_known_is_the_prior() {
        assert!(score(Against::default(), PRIOR).abs() < 0.02);
    }

    #[test]
    fn content_alone_stops_below_suspicion_and_conduct_opens_it() {
        let content = Against::pc(20.0);
        assert!(score(content, PRIOR) < SUSPECTED);
        assert!(score(content + Against::all(2.9), PRIOR) >= SUSPECTED);
        assert!(score(content + Against::all(7.2), PRIOR) >= LIKELY);
        // Conduct that senders show as well opens nothing.
        let conduct = Against::each(9.0, 0.0, 9.0);
        assert!(score(content + conduct, PRIOR) < SUSPECTED);
    }

    #[test]
    fn sums_halve_in_six_hours_and_keep_their_bounds() {
        let mut sums = Score::default();
        for _ in 0..100 {
            sums.add(Family::Mx, Against::pc(2.3), at(0));
        }
        let cap = Family::Mx.cap();
        assert!((sums.of(Family::Mx).pc - cap).abs() < 1e-12);
        sums.advance(at(6 * 3600));
        assert!((sums.of(Family::Mx).pc - cap / 2.0).abs() < 1e-12);
        sums.add(Family::Fail, Against::all(-100.0), at(6 * 3600));
        assert!((sums.of(Family::Fail).pc + Family::Fail.credit()).abs() < 1e-12);
    }

    #[test]
    fn what_came_in_the_order_of_another_capture_counts_alike() {
        let steps = [(3, 1.0), (1, 0.5), (2, 0.25)];
        let mut sums = Score::default();
        for (second, llr) in steps {
            sums.add(Family::Rej, Against::all(llr), at(second));
        }
        assert!((sums.of(Family::Rej).pc - 1.75).abs() < 1e-3);
    }
}
