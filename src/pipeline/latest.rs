//! The keywords as they were read last, for workers that look once a second.

use crate::keywords::Keywords;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Set by the calling thread, seen by the workers.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// How often they were set: what a worker looks at, without a lock.
    turn: AtomicU64,
    keywords: Mutex<Option<Arc<Keywords>>>,
}

impl Latest {
    pub(super) fn set(&self, keywords: Arc<Keywords>) {
        let mut held = self.keywords.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(keywords);
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// Those that were set since `seen`, which is brought up to date.
    pub(super) fn since(&self, seen: &mut u64) -> Option<Arc<Keywords>> {
        let turn = self.turn.load(Ordering::Acquire);
        if turn == *seen {
            return None;
        }
        *seen = turn;
        let held = self.keywords.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }
}
