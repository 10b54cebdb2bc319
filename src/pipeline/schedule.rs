//! What comes at intervals of packet time: totals, state that is kept, hosts that are told.

use super::batch::Boundary;
use super::{Behind, Hosts, Settings};
use std::num::NonZeroU64;

/// Intervals that time has left behind at once beyond which a clock was set, and nothing waited.
const LEAP: i64 = 1_000;

/// When totals are due, state is to be kept and hosts are told, by packet time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    totals: Option<Every>,
    keep: Option<Every>,
    hosts: Option<Every>,
    /// Whether each is due that time has passed, and not the last one alone: what several
    /// capture threads do must be of the same times.
    each: bool,
}

impl Schedule {
    pub(super) fn new(settings: &Settings, keep: Option<NonZeroU64>) -> Self {
        let from = match settings.behind {
            Behind::Wait => None,
            Behind::Shed { from } => Some(from),
        };
        let hosts = match settings.hosts {
            Hosts::Never | Hosts::AtEnd => None,
            Hosts::Every { seconds, .. } => Some(seconds),
        };
        Self {
            totals: settings.stats.and_then(|every| Every::new(every, from)),
            keep: keep.and_then(|every| Every::new(every, from)),
            hosts: hosts.and_then(|every| Every::new(every, from)),
            each: from.is_some(),
        }
    }

    /// What is due at `second` or before, and was not told yet; the earliest first.
    pub(super) fn due(&mut self, second: i64) -> Option<Boundary> {
        let due = |every: &Option<Every>| {
            let every = every.as_ref()?;
            // What lies beyond the end of time never comes.
            let next = every
                .next
                .filter(|next| second >= *next && *next < i64::MAX)?;
            // The newest one that has come, where the others do not matter, and where a clock
            // was set ahead.
            let leap = second.saturating_sub(next) / every.seconds > LEAP;
            Some(if self.each && !leap {
                next
            } else {
                every.newest(second)
            })
        };
        let (totals, keep, hosts) = (due(&self.totals), due(&self.keep), due(&self.hosts));
        let at = [totals, keep, hosts].into_iter().flatten().min();
        let all = [&mut self.totals, &mut self.keep, &mut self.hosts];
        for every in all.into_iter().flatten() {
            every.next = match (at, every.next) {
                (Some(at), next) if self.each => next.map(|next| next.max(every.after(at))),
                (None, next) if self.each => next,
                _ => Some(every.after(second)),
            };
        }
        Some(Boundary {
            at: at?,
            totals: totals == at,
            keep: keep == at,
            hosts: hosts == at,
        })
    }
}

/// Something that is due at each multiple of a number of seconds.
#[derive(Clone, Copy, Debug)]
struct Every {
    seconds: i64,
    next: Option<i64>,
}

impl Every {
    fn new(seconds: NonZeroU64, from: Option<i64>) -> Option<Self> {
        let mut every = Self {
            seconds: i64::try_from(seconds.get()).ok()?,
            next: None,
        };
        every.next = from.map(|from| every.after(from));
        Some(every)
    }

    /// The first multiple that is later; the end of time where there is none.
    fn after(self, second: i64) -> i64 {
        let passed = second.rem_euclid(self.seconds);
        second.saturating_add(self.seconds - passed)
    }

    /// The last multiple that has come.
    fn newest(self, second: i64) -> i64 {
        second.saturating_sub(second.rem_euclid(self.seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(totals: u64, keep: u64, from: Option<i64>) -> Schedule {
        let every = |seconds| Every::new(NonZeroU64::new(seconds)?, from);
        Schedule {
            totals: every(totals),
            keep: every(keep),
            hosts: None,
            each: from.is_some(),
        }
    }

    /// What is due at a second: when, and whether totals are told and state is kept.
    fn due(schedule: &mut Schedule, second: i64) -> Vec<(i64, bool, bool)> {
        std::iter::from_fn(|| schedule.due(second))
            .map(|it| (it.at, it.totals, it.keep))
            .collect()
    }

    #[test]
    fn of_a_file_the_newest_multiple_is_due_and_a_pause_is_told_once() {
        let schedule = &mut schedule(60, 0, None);
        // The first packet only says where time begins.
        assert_eq!(due(schedule, 119), []);
        assert_eq!(due(schedule, 120), [(120, true, false)]);
        assert_eq!(due(schedule, 179), []);
        assert_eq!(due(schedule, 100_000), [(99_960, true, false)]);
        assert_eq!(due(schedule, 100_019), []);
        assert_eq!(due(schedule, 100_020), [(100_020, true, false)]);
    }

    #[test]
    fn live_every_multiple_is_due_in_order_and_those_of_one_second_at_once() {
        let schedule = &mut schedule(10, 30, Some(5));
        assert_eq!(due(schedule, 9), []);
        let expected = [(10, true, false), (20, true, false), (30, true, true)];
        assert_eq!(due(schedule, 39), expected);
        assert_eq!(due(schedule, 39), []);
        // A clock that was set ahead by days.
        assert_eq!(
            due(schedule, 1_000_007),
            [(999_990, false, true), (1_000_000, true, false)]
        );
        assert_eq!(due(schedule, 1_000_010), [(1_000_010, true, false)]);
    }

    #[test]
    fn at_the_ends_of_time_nothing_overflows() {
        for every in [7, 10, u64::try_from(i64::MAX).unwrap()] {
            let schedule = &mut schedule(every, 7, Some(i64::MIN));
            let mut before = i64::MIN;
            for second in [i64::MIN, -1, 0, i64::MAX] {
                for (at, totals, keep) in due(schedule, second) {
                    assert!(before < at && at <= second, "{before} {at} {second}");
                    let every = i64::try_from(every).unwrap();
                    assert!(!totals || at % every == 0, "{at}");
                    assert!(!keep || at % 7 == 0, "{at}");
                    before = at;
                }
            }
        }
    }
}
