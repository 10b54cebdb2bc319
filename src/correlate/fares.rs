//! How a sender's mail fares, against its own past.
//!
//! A mail server with a stolen account keeps its name, its manners and its friends. What changes
//! is how many of the servers that it turns to refuse it (the study: a mail server "alarms on
//! jumps in 5xx", as Lin and others' fourteen servers with cracked accounts). So each answer is
//! a step between the share that refuses once somebody else writes, and the share that refused
//! before.

use super::evidence::{Family, Trail, Witness};
use super::score::{Against, Score};
use crate::words::counted;
use std::collections::VecDeque;

/// Share of servers that refuse what a bot sends: mailboxes that are gone, block lists (the
/// study: .3 of those that are reached, and some bots are listed).
const TAKEN: f64 = 0.4;
/// Share that refuses an honest sender at the least: lists rot.
const HONEST: f64 = 0.05;
/// Of a past with more refusals than this nothing stands out: a sender on a block list, or an
/// attack that goes on.
const MOST: f64 = 0.25;
/// So many answers does the least share stand for, beside those that were counted.
const DOUBT: f64 = 20.0;
/// Answers in hours before that make a past.
const PAST: u32 = 10;
/// Hours that are remembered.
const HOURS: usize = 48;

/// Answers of servers to what a host hands over on port 25; of each server one in an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answers {
    all: u32,
    refused: u32,
}

impl Answers {
    fn count(&mut self, refused: bool) {
        self.all = self.all.saturating_add(1);
        self.refused = self.refused.saturating_add(refused.into());
    }
}

/// How a host's mail fares in the open hour, and fared before.
#[derive(Clone, Debug, Default)]
pub(super) struct Fares {
    hour: i64,
    open: Answers,
    hours: VecDeque<Answers>,
    /// Sum over `hours`.
    past: Answers,
    /// The hour that spoke most against the host, its past then, and the sum.
    worst: (Answers, Answers),
    peak: f64,
    trail: Trail,
}

impl Fares {
    /// A server refused what it was handed, or accepted it.
    pub(super) fn answer(&mut self, refused: bool, witness: Witness, score: &mut Score) {
        let hour = witness.time.second().div_euclid(3_600);
        if hour != self.hour {
            self.close(hour);
        }
        self.open.count(refused);
        let Some(honest) = self.honest() else { return };
        let llr = if refused {
            (TAKEN / honest).ln()
        } else {
            ((1.0 - TAKEN) / (1.0 - honest)).ln()
        };
        score.add(Family::RejJump, Against::each(0.0, llr, 0.0), witness.time);
        let sum = score.of(Family::RejJump).sender;
        if refused && sum >= self.peak {
            self.worst = (self.open, self.past);
            self.peak = sum;
        }
        if refused && sum > 0.0 {
            self.trail.note(witness, None);
        }
    }

    fn close(&mut self, hour: i64) {
        if self.open.all > 0 {
            self.hours.push_front(self.open);
            self.hours.truncate(HOURS);
            self.past = self
                .hours
                .iter()
                .fold(Answers::default(), |sum, one| Answers {
                    all: sum.all.saturating_add(one.all),
                    refused: sum.refused.saturating_add(one.refused),
                });
        }
        (self.hour, self.open) = (hour, Answers::default());
    }

    /// The share that refuses an honest sender with this past, if there is one.
    fn honest(&self) -> Option<f64> {
        let Answers { all, refused } = self.past;
        let share = (f64::from(refused) + HONEST * DOUBT) / (f64::from(all) + DOUBT);
        (all >= PAST && share <= MOST).then(|| share.max(HONEST))
    }

    /// This family in words, and the packets that show it.
    pub(super) fn explain(&self) -> (Trail, String) {
        let (now, past) = self.worst;
        let text = format!(
            "{} of {} refused its mail within an hour, where {} of {} did before",
            now.refused,
            counted(now.all, "server"),
            past.refused,
            past.all,
        );
        (self.trail.clone(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;
    use crate::time::Timestamp;

    fn answers(fares: &mut Fares, score: &mut Score, hour: i64, all: i64, refused: i64) {
        for number in 0..all {
            let time = Timestamp::from_parts(hour * 3_600 + number, 0);
            let origin = Origin::default();
            // Spread evenly, so that no order of a test's makes the sum.
            let no = (number + 1) * refused / all > number * refused / all;
            fares.answer(no, Witness { origin, time }, score);
        }
    }

    #[test]
    fn a_server_that_is_suddenly_refused_stands_out_against_its_past() {
        let (mut fares, mut score) = (Fares::default(), Score::default());
        for hour in 0..6 {
            answers(&mut fares, &mut score, hour, 10, i64::from(hour == 2));
        }
        assert!(score.of(Family::RejJump).sender < 1.0);
        answers(&mut fares, &mut score, 7, 20, 10);
        assert!(score.of(Family::RejJump).sender > 6.9);
        let text = fares.explain().1;
        assert_eq!(
            text,
            "10 of 20 servers refused its mail within an hour, where 1 of 60 did before"
        );
    }

    #[test]
    fn who_was_always_refused_that_much_has_not_changed() {
        let (mut fares, mut score) = (Fares::default(), Score::default());
        for hour in 0..12 {
            answers(&mut fares, &mut score, hour, 40, 8);
        }
        let sum = score.of(Family::RejJump);
        assert!(sum.sender < 3.0, "{sum:?}");
        assert!(sum.pc == 0.0 && sum.prober == 0.0, "{sum:?}");
    }

    #[test]
    fn without_a_past_there_is_no_jump() {
        let (mut fares, mut score) = (Fares::default(), Score::default());
        answers(&mut fares, &mut score, 0, 100, 60);
        assert_eq!(score.of(Family::RejJump), Against::default());
    }
}
