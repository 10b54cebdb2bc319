//! What the site says as it was read last, for workers that look once a second.

use super::sync::{AtomicU64, Mutex, Ordering, PoisonError};
use crate::report::Reload;

/// Set by the calling thread, seen by the workers. Tried in every order of their steps by
/// `tests/loom`.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// How often it was set: what a worker looks at, without a lock.
    turn: AtomicU64,
    held: Mutex<Option<Reload>>,
}

impl Latest {
    pub(super) fn set(&self, reload: Reload) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(reload);
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// What was set since `seen`, which is brought up to date.
    pub(super) fn since(&self, seen: &mut u64) -> Option<Reload> {
        let turn = self.turn.load(Ordering::Acquire);
        if turn == *seen {
            return None;
        }
        *seen = turn;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }
}
