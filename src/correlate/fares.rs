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
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Share of servers that refuse what a bot sends: mailboxes that are gone, block lists (the
/// study: .3 of those that are reached, and some bots are listed).
const TAKEN: f64 = 0.4;
/// Share of the domains that take no mail at all on a bot's list: .3 of what worms harvest (the
/// study's clients), less what a thief of accounts has weeded out.
const GONE: f64 = 0.25;
/// Share that refuses an honest sender at the least, and of domains that are gone: lists rot. A
/// server's reports and rounds, a small part of its day, meet twice what its letters do.
const HONEST: f64 = 0.1;
/// Share that takes an honest sender for a spammer, likewise.
const BLOCKED: f64 = 0.05;
/// Of a past with more refusals than this nothing stands out: a sender on a block list, or an
/// attack that goes on.
const MOST: f64 = 0.25;
/// So many answers does the least share stand for, beside those that were counted.
const DOUBT: f64 = 20.0;
/// Servers that take it for a spammer, of a day, that count: of one entry in one block list all of
/// them tell. With three, an entry is five hundred to one: half of the servers that are used by
/// others have one within the day, of those that are not one in a thousand (a prior).
const LISTED: u32 = 3;
/// Answers in hours before that make a past.
const PAST: u32 = 10;
/// Hours that are remembered.
const HOURS: usize = 48;
/// Hours for which the worst of them is told.
const REMEMBERED: i64 = 24;

/// What a server answers to what it is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    Refused,
    Blocked,
}

/// Answers of servers to what a host hands over on port 25; of each server one acceptance and one
/// refusal in an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fares {
    of: Of,
    hour: i64,
    open: Answers,
    hours: VecDeque<Answers>,
    /// Servers that took it for a spammer in the day of `hour`.
    listed: u32,
    /// Sum over `hours`.
    past: Answers,
    /// The hour that spoke most against the host within a day, its past then, and the sum. Told as long
    /// as a verdict may rest on it, whatever came since.
    worst: (Answers, Answers),
    worst_hour: i64,
    peak: f64,
    trail: Trail,
}

/// What is held against its own past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Of {
    /// How servers take its mail.
    Mail,
    /// Whether the domains that it looks up take mail at all.
    Domains,
}

impl Of {
    fn family(self) -> Family {
        match self {
            Self::Mail => Family::RejJump,
            Self::Domains => Family::DeadJump,
        }
    }

    /// The share that fails once somebody else writes.
    fn taken(self) -> f64 {
        match self {
            Self::Mail => TAKEN,
            Self::Domains => GONE,
        }
    }
}

impl Fares {
    /// Nothing is known yet.
    pub(super) fn new(of: Of) -> Self {
        Self {
            of,
            hour: 0,
            open: Answers::default(),
            hours: VecDeque::new(),
            listed: 0,
            past: Answers::default(),
            worst: <(Answers, Answers)>::default(),
            worst_hour: i64::MIN,
            peak: 0.0,
            trail: Trail::default(),
        }
    }

    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        self.hours.len() * size_of::<Answers>() + self.trail.octets()
    }

    /// A server refused what it was handed, or accepted it.
    pub(super) fn answer(&mut self, answer: Answer, witness: Witness, score: &mut Score) {
        let hour = witness.time.second().div_euclid(3_600);
        if hour > self.hour {
            self.close(hour);
        }
        let refused = answer != Answer::Accepted;
        if answer == Answer::Blocked {
            self.listed += 1;
            if self.listed > LISTED {
                return;
            }
        }
        self.open.count(refused);
        let Some(share) = self.share() else { return };
        let honest = share.max(if answer == Answer::Blocked {
            BLOCKED
        } else {
            HONEST
        });
        let llr = if refused {
            (self.of.taken() / honest).ln()
        } else {
            ((1.0 - self.of.taken()) / (1.0 - honest)).ln()
        };
        score.add(self.of.family(), Against::each(0.0, llr, 0.0), witness.time);
        let sum = score.of(self.of.family()).sender;
        if !refused || sum <= 0.0 {
            return;
        }
        let forgotten = hour.saturating_sub(self.worst_hour) >= REMEMBERED;
        if sum >= self.peak || forgotten {
            if forgotten || hour != self.worst_hour {
                self.trail = Trail::default();
            }
            (self.worst, self.worst_hour) = ((self.open, self.past), hour);
            self.peak = sum;
        }
        if hour == self.worst_hour {
            self.trail.note(witness, None);
        }
    }

    fn close(&mut self, hour: i64) {
        if self.open.all > 0 {
            self.hours.push_front(self.open);
            self.hours.truncate(HOURS);
            self.sum();
        }
        if hour.div_euclid(24) != self.hour.div_euclid(24) {
            self.listed = 0;
        }
        (self.hour, self.open) = (hour, Answers::default());
    }

    /// Takes in how the mail of the same host fared under another address.
    pub(super) fn merge(&mut self, other: &Self) {
        let open = (other.open.all > 0).then_some(other.open);
        self.hours.extend(other.hours.iter().copied().chain(open));
        self.hours.truncate(HOURS);
        self.sum();
        self.listed = self.listed.max(other.listed);
        if other.peak > self.peak {
            (self.worst, self.worst_hour) = (other.worst, other.worst_hour);
            self.peak = other.peak;
        }
        self.trail.merge(&other.trail);
    }

    fn sum(&mut self) {
        let hours = self.hours.iter();
        self.past = hours.fold(Answers::default(), |sum, one| Answers {
            all: sum.all.saturating_add(one.all),
            refused: sum.refused.saturating_add(one.refused),
        });
    }

    /// Whether it has one to be judged by.
    pub(super) fn has_past(&self) -> bool {
        self.share().is_some()
    }

    /// The share that refused it in its past, if there is one.
    fn share(&self) -> Option<f64> {
        let Answers { all, refused } = self.past;
        let share = (f64::from(refused) + HONEST * DOUBT) / (f64::from(all) + DOUBT);
        (all >= PAST && share <= MOST).then_some(share)
    }

    /// This family in words, and the packets that show it.
    pub(super) fn explain(&self) -> (Trail, String) {
        let (now, past) = self.worst;
        let text = match self.of {
            Of::Mail => format!(
                "{} of {} refused its mail within an hour, where {} of {} did before",
                now.refused,
                counted(now.all, "server"),
                past.refused,
                past.all,
            ),
            Of::Domains => format!(
                "{} of {} that it looked up within an hour take no mail, where {} of {} did not \
                 before",
                now.refused,
                counted(now.all, "mail domain"),
                past.refused,
                past.all,
            ),
        };
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
            let answer = if no {
                Answer::Refused
            } else {
                Answer::Accepted
            };
            fares.answer(answer, Witness { origin, time }, score);
        }
    }

    #[test]
    fn a_server_that_is_suddenly_refused_stands_out_against_its_past() {
        let (mut fares, mut score) = (Fares::new(Of::Mail), Score::default());
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
        let (mut fares, mut score) = (Fares::new(Of::Mail), Score::default());
        for hour in 0..12 {
            answers(&mut fares, &mut score, hour, 40, 8);
        }
        let sum = score.of(Family::RejJump);
        assert!(sum.sender < 3.0, "{sum:?}");
        assert!(sum.pc == 0.0 && sum.prober == 0.0, "{sum:?}");
    }

    #[test]
    fn one_entry_in_a_block_list_counts_as_three_servers_in_a_day() {
        let (mut fares, mut score) = (Fares::new(Of::Mail), Score::default());
        for hour in 0..3 {
            answers(&mut fares, &mut score, hour, 20, 0);
        }
        for second in 0..50 {
            let time = Timestamp::from_parts(4 * 3_600 + second, 0);
            let origin = Origin::default();
            fares.answer(Answer::Blocked, Witness { origin, time }, &mut score);
        }
        let sum = score.of(Family::RejJump).sender;
        assert!((6.0..7.0).contains(&sum), "{sum}");
    }

    #[test]
    fn another_attack_is_told_with_its_own_numbers() {
        let (mut fares, mut score) = (Fares::new(Of::Mail), Score::default());
        for (hour, refused) in [(0, 0), (1, 0), (2, 15), (40, 0), (41, 0), (42, 9)] {
            answers(&mut fares, &mut score, hour, 30, refused);
        }
        let text = fares.explain().1;
        assert!(text.starts_with("9 of "), "{text}");
    }

    #[test]
    fn what_a_verdict_rests_on_is_told_whatever_came_since() {
        let (mut fares, mut score) = (Fares::new(Of::Mail), Score::default());
        for (hour, refused) in [(0, 0), (1, 0), (2, 15), (3, 0), (4, 0), (5, 0), (6, 2)] {
            answers(&mut fares, &mut score, hour, 30, refused);
        }
        let text = fares.explain().1;
        assert!(text.starts_with("15 of 30 servers"), "{text}");
    }

    #[test]
    fn domains_that_take_no_mail_are_held_against_a_past_of_their_own() {
        let (mut fares, mut score) = (Fares::new(Of::Domains), Score::default());
        for hour in 0..6 {
            answers(&mut fares, &mut score, hour, 10, i64::from(hour == 2));
        }
        answers(&mut fares, &mut score, 7, 40, 12);
        assert!(score.of(Family::DeadJump).sender > 4.6);
        assert_eq!(score.of(Family::RejJump), Against::default());
        let text = fares.explain().1;
        assert_eq!(
            text,
            "12 of 40 mail domains that it looked up within an hour take no mail, where 1 of 60 did \
             not before"
        );
    }

    #[test]
    fn without_a_past_there_is_no_jump() {
        let (mut fares, mut score) = (Fares::new(Of::Mail), Score::default());
        answers(&mut fares, &mut score, 0, 100, 60);
        assert_eq!(score.of(Family::RejJump), Against::default());
    }
}
