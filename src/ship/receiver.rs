//! What a worker asks of whatever takes events.

use super::Event;
use crate::eventlog::Position;
use std::time::{Duration, Instant};

/// Takes events in order.
pub trait Receiver: Send {
    /// Hands over events, of which there is at least one, until that moment. Yields what became of
    /// each, in the same order.
    fn deliver(&mut self, events: &[Event], until: Instant) -> Result<Vec<Fate>, Failure>;

    /// Whether [`Fate::Delivered`] means that an event arrived. Where it does not, events that were
    /// handed over are only known to have arrived when [`Self::confirm`] says so, and have to be
    /// handed over again after any failure.
    fn answers(&self) -> bool {
        true
    }

    /// Whether it may take any part of the events that it is handed over at once. Those that it did
    /// not take then arrive behind later ones.
    fn takes_part(&self) -> bool {
        false
    }

    /// Events that it is handed over at least before it is asked what has arrived, where it seems to be
    /// too slow for more.
    fn least(&self) -> usize {
        1
    }

    /// Finds out until that moment what has arrived of all that was handed over; `last` where
    /// nothing follows for now.
    fn confirm(&mut self, last: bool, until: Instant) -> Result<Arrived, Failure> {
        let _ = (last, until);
        Ok(Arrived::All)
    }

    /// What would be sent for these events, as text, without credentials.
    fn show(&self, events: &[Event]) -> Vec<u8>;
}

/// How much is known to have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// All that was handed over.
    All,
    /// What comes before this place; nothing yet where there is none. Of the rest nothing is known,
    /// and after a failure it has to be handed over again.
    Until(Option<Position>),
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The receiver has it.
    Delivered,
    /// The receiver will never take it, for this reason.
    Refused(String),
    /// The receiver may take it later.
    Later {
        /// What happened.
        reason: String,
        /// How long the receiver wants to be left alone.
        after: Option<Duration>,
    },
}

/// Why nothing is known to have become of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// To be tried again, not before the receiver said so.
    Later {
        /// What happened.
        reason: String,
        /// How long the receiver wants to be left alone.
        after: Option<Duration>,
    },
    /// Something in it is not acceptable, or all of it is too much: to be tried in parts.
    Unacceptable {
        /// What the receiver says of it.
        reason: String,
        /// Too large, and smaller ones might do.
        too_large: bool,
    },
}

impl Failure {
    /// To be tried again.
    pub(super) fn later(reason: impl std::fmt::Display) -> Self {
        Self::Later {
            reason: reason.to_string(),
            after: None,
        }
    }
}
