//! The one primitive of ours that threads share, under loom: every order in which its steps can
//! come, and everything that the memory model lets a thread see. What else is shared, and why it
//! needs no model, says docs/decisions/0027. `make loom` runs it.
#![cfg(test)]

/// In the place of what the library takes of std.
mod sync {
    pub(super) use loom::sync::Mutex;
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(super) use std::sync::PoisonError;
}

/// In the place of what is handed over: a number, and the same once more, so that half of it shows.
mod report {
    #[derive(Clone, Debug)]
    pub struct Reload(pub u64, pub u64);
}

#[path = "../../src/pipeline/latest.rs"]
mod latest;

use latest::Latest;
use loom::sync::Arc;
use loom::thread;
use report::Reload;

/// A thread that looks twice, as a worker does once a second; what it has seen.
fn worker(latest: &Latest) -> (u64, Vec<u64>) {
    let (mut seen, mut got) = (0, Vec::new());
    for _ in 0..2 {
        if let Some(Reload(number, same)) = latest.since(&mut seen) {
            assert_eq!(number, same);
            got.push(number);
        }
    }
    (seen, got)
}

#[test]
fn what_was_set_last_is_seen_and_nothing_goes_back() {
    loom::model(|| {
        let latest = Arc::new(Latest::default());
        let looks = {
            let latest = Arc::clone(&latest);
            thread::spawn(move || worker(&latest))
        };
        latest.set(Reload(1, 1));
        latest.set(Reload(2, 2));
        let (mut seen, mut got) = looks.join().unwrap();
        // When it looks again, both were set, and it has the last in any case.
        got.extend(latest.since(&mut seen).map(|Reload(number, _)| number));
        assert!(got.is_sorted() && got.last() == Some(&2), "{got:?}");
        assert!(latest.since(&mut seen).is_none());
    });
}
