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
            let next = every.next.filter(|next| second >= *next)?;
            // The newest one that has come, where the others do not matter, and where a clock
            // was set ahead.
            let leap = (second - next) / every.seconds > LEAP;
            Some(if self.each && !leap {
                next
            } else {
                every.after(second) - every.seconds
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

    /// The first multiple that is later.
    fn after(self, second: i64) -> i64 {
        (second.div_euclid(self.seconds) * self.seconds).saturating_add(self.seconds)
    }
}
