//! What people are told, once each.

use super::{POLL, Run, Step, Worker};
use crate::report::text;
use crate::words::counted;
use std::thread;
use std::time::{Duration, Instant};

/// Between two reasons that people are told.
const TELL: Duration = Duration::from_mins(1);

impl Worker {
    /// Says what is not as it should be in what was read last.
    pub(super) fn tell_of_the_log(&mut self, run: Run<'_>) {
        if self.reader.take_cut() && self.cut_from.replace(self.kept) != Some(self.kept) {
            self.tell(
                run,
                "the log ends, or begins anew, before the place that was come to: after a power \
                 failure, or as it was removed; what is there now follows",
            );
        }
        let (removed, damaged) = (self.reader.take_lost(), self.reader.take_damaged());
        self.unconfirmed.open.lost += removed + damaged;
        let before = self.reader.missed_before();
        let new = before.saturating_sub(self.missed_before);
        self.missed_before = self.missed_before.max(before);
        if removed.min(new) > 0 {
            let events = counted(removed.min(new), "event");
            self.tell(
                run,
                format_args!("{events} left the log before they could be delivered"),
            );
        }
        if damaged.min(new) > 0 {
            let lines = counted(damaged.min(new), "line");
            self.tell(
                run,
                format_args!("{lines} of the log passed over, too long for an event"),
            );
        }
    }

    /// Says so where that is new, and waits; `then`, unless it is told to end.
    pub(super) fn fail(
        &mut self,
        run: Run<'_>,
        reason: &str,
        after: Option<Duration>,
        then: Step,
    ) -> Step {
        if self.failing.is_none_or(|told| told.elapsed() >= TELL) {
            self.failing = Some(Instant::now());
            let reason = text::escape(reason.as_bytes());
            self.tell(run, format_args!("{reason}; it is tried again"));
        }
        let until = Instant::now() + self.backoff.next(after);
        loop {
            if self.is_told_to_end(run) {
                return Step::End;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return then;
            }
            thread::sleep(left.min(POLL));
        }
    }

    pub(super) fn works(&mut self, run: Run<'_>) {
        self.backoff.reset();
        if self.failing.take().is_some() {
            self.tell(run, "it takes events again");
        }
    }

    pub(super) fn tell(&self, run: Run<'_>, what: impl std::fmt::Display) {
        (run.tell)(&format!("{}: {what}", self.name));
    }
}
