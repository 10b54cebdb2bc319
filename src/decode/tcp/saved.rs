//! What is saved of connections: attempts that may still be answered, or repeated, so that none is
//! counted again. Those that talk are not, nor what they said; they are picked up in their
//! middle, as at any start. Those that have ended are known only by what comes too late, and are
//! not saved either.

use super::slot::{Attempt, Slot, State};
use super::{Connection, Connections};
use crate::host::HostAddr;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The attempts of a table.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Attempts {
    generation: u16,
    /// In order of arrival.
    opening: Vec<Known>,
    /// In order of their end.
    done: Vec<Known>,
}

/// One of them.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    connection: Connection,
    initial: Option<u32>,
    attempt: Attempt,
    answers: Option<bool>,
    replaced: bool,
    generation: u16,
    began: Timestamp,
    last: Timestamp,
    origin: (u32, u64),
}

impl Known {
    fn of(slot: &Slot) -> Option<Self> {
        let known = slot.attempt != Attempt::Unseen && !slot.ended;
        known.then(|| Self {
            connection: slot.connection(),
            initial: slot.initial,
            attempt: slot.attempt,
            answers: slot.answers,
            replaced: slot.replaced,
            generation: slot.generation,
            began: slot.began,
            last: slot.last,
            origin: slot.origin(),
        })
    }
}

impl Attempts {
    /// Whether all of them are of clients that `of` names.
    pub(crate) fn are_of(&self, of: impl Fn(HostAddr) -> bool) -> bool {
        let all = self.opening.iter().chain(&self.done);
        all.map(|known| known.connection.client).all(of)
    }
}

impl Connections {
    /// The attempts that may still be answered or repeated.
    #[must_use]
    pub fn attempts(&self) -> Attempts {
        let of = |first: Option<u32>| -> Vec<_> {
            let next = |at: &u32| self.slot(*at)?.links.next();
            let all = std::iter::successors(first, next);
            all.filter_map(|at| Known::of(self.slot(at)?)).collect()
        };
        let (opening, done) = (of(self.opening.first()), of(self.done.first()));
        // Only the difference to those in the table means anything.
        let none = opening.is_empty() && done.is_empty();
        Attempts {
            generation: if none { 0 } else { self.generation },
            opening,
            done,
        }
    }

    /// The first moment that may still be spoken of.
    #[must_use]
    pub fn open(&self) -> Timestamp {
        self.open
    }

    /// A table that knew none goes on from this moment.
    pub fn reopen(&mut self, open: Timestamp) {
        self.open = open;
    }

    /// Puts attempts back that were saved, into a table that knows none.
    pub fn restore(&mut self, attempts: Attempts) {
        self.generation = attempts.generation;
        for (known, state) in [
            (attempts.opening, State::Opening),
            (attempts.done, State::Done),
        ] {
            for known in known {
                self.put_back(&known, state);
            }
        }
    }

    fn put_back(&mut self, known: &Known, state: State) {
        let Ok(at) = u32::try_from(self.slots.len()) else {
            return;
        };
        let times = (known.began, known.last);
        let mut slot = Slot::known(&known.connection, known.generation, times, known.origin);
        slot.initial = known.initial;
        slot.attempt = known.attempt;
        slot.answers = known.answers;
        slot.replaced = known.replaced;
        self.slots.push(slot);
        self.replaced += usize::from(known.replaced);
        self.enter(at);
        self.link(at, state);
    }
}
