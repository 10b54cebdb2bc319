//! Packet time: what is late, and when a second can receive nothing more.

use crate::time::{REORDER, Timestamp};

/// The clock that packets drive.
#[derive(Debug)]
pub(super) struct Clock {
    newest: Option<Timestamp>,
    first: Option<Timestamp>,
    /// What is earlier is late.
    horizon: Timestamp,
    /// The horizon at which the next second can be closed.
    next: Timestamp,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            newest: None,
            first: None,
            horizon: Timestamp::MIN,
            next: Timestamp::MIN,
        }
    }
}

impl Clock {
    /// A packet of this time came. Says whether it is late, and the second up to which
    /// everything can now be closed, where that has moved on.
    #[inline]
    pub(super) fn tick(&mut self, time: Timestamp) -> (bool, Option<i64>) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        let closed = self.pass(time);
        (time < self.horizon, closed)
    }

    /// It is this late, says another clock, and no packet came. The second up to which
    /// everything can now be closed, where that has moved on.
    #[inline]
    pub(super) fn pass(&mut self, time: Timestamp) -> Option<i64> {
        let newest = self.newest.map_or(time, |newest| newest.max(time));
        self.newest = Some(newest);
        self.horizon = newest.plus_nanos(-REORDER);
        if self.horizon < self.next {
            return None;
        }
        // A gap of years is one step: a second that had no packet has nothing to close.
        let open = self.horizon.second();
        self.next = Timestamp::from_parts(open + 1, 0);
        Some(open - 1)
    }

    /// The earliest packet's time.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// The newest time of all.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seconds_late_is_in_time() {
        let mut clock = Clock::default();
        assert_eq!(
            clock.tick(Timestamp::from_parts(10, 500_000_000)),
            (false, Some(7))
        );
        assert_eq!(
            clock.tick(Timestamp::from_parts(8, 500_000_000)),
            (false, None)
        );
        assert_eq!(
            clock.tick(Timestamp::from_parts(8, 499_999_999)),
            (true, None)
        );
        assert_eq!(clock.tick(Timestamp::from_parts(11, 0)), (false, Some(8)));
        assert_eq!(
            clock.tick(Timestamp::from_parts(1_000_000_000, 0)).1,
            Some(999_999_997)
        );
        assert_eq!(
            clock.newest(),
            Some(Timestamp::from_parts(1_000_000_000, 0))
        );
        assert_eq!(clock.first(), Some(Timestamp::from_parts(8, 499_999_999)));
    }

    #[test]
    fn a_second_closes_only_when_nothing_in_time_can_fall_into_it() {
        let mut clock = Clock::default();
        let mut closed = i64::MIN;
        for nanos in (0..20_000_000_000).step_by(70_000_001) {
            let time = Timestamp::from_nanos(nanos);
            closed = clock.tick(time).1.unwrap_or(closed);
            assert!(time.plus_nanos(-REORDER).second() > closed);
        }
    }
}
