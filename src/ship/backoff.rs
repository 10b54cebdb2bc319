//! How long to leave a receiver alone that has failed.

use super::Retry;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Longer than this nobody is waited for, whatever it says.
const LONGEST: Duration = Duration::from_hours(1);

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    retry: Retry,
    failures: u32,
    dice: RandomState,
}

impl Backoff {
    pub(super) fn new(retry: Retry) -> Self {
        Self {
            retry,
            failures: 0,
            // Keyed at random, which is all that is asked of it here.
            dice: RandomState::new(),
        }
    }

    /// It works again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed once more: how long to wait, not less than the receiver asks for. From half the
    /// doubled time to all of it, so that many that failed together do not come back together.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = self.retry.first.saturating_mul(1 << self.failures.min(20));
        let whole = doubled.min(self.retry.most);
        self.failures = self.failures.saturating_add(1);
        let dice = u16::try_from(self.dice.hash_one(self.failures) % 1024).unwrap_or_default();
        let wait = whole / 2 + whole.mul_f64(0.5 * f64::from(dice) / 1024.0);
        wait.max(asked.unwrap_or_default()).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_begin_anew() {
        let retry = Retry {
            first: Duration::from_secs(1),
            most: Duration::from_mins(1),
        };
        let mut backoff = Backoff::new(retry);
        for whole in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = backoff.next(None);
            let whole = Duration::from_secs(whole);
            assert!(whole / 2 <= wait && wait <= whole, "{wait:?} of {whole:?}");
        }
        for _ in 0..100 {
            assert!(backoff.next(None) <= retry.most);
        }
        backoff.reset();
        assert!(backoff.next(None) <= retry.first);
    }

    #[test]
    fn what_the_receiver_asks_for_is_the_least_within_reason() {
        let retry = Retry {
            first: Duration::from_millis(1),
            most: Duration::from_secs(1),
        };
        let asked = |seconds| Backoff::new(retry).next(Some(Duration::from_secs(seconds)));
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(1 << 40), LONGEST);
    }
}
