//! What was handed over since the place that is kept.

use super::stream::STEP;
use super::{Arrived, Delivered};
use crate::eventlog::Position;
use std::collections::VecDeque;
use std::time::Instant;

/// Events that are on their way, by the places behind them.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    /// What became of the events before each place, and behind the one before it. Within a step of
    /// [`STEP`] octets places are not told apart, which is what bounds them.
    places: VecDeque<(Position, Delivered)>,
    /// The same of those that no place is behind yet.
    pub(super) open: Delivered,
    /// Octets up to the last place, and since then.
    octets: u64,
    pub(super) open_octets: u64,
    /// Events since it was last asked what has arrived, and the time of the first of them.
    unasked: u64,
    asked: Instant,
}

impl Unconfirmed {
    pub(super) fn new() -> Self {
        Self {
            places: VecDeque::new(),
            open: Delivered::default(),
            octets: 0,
            open_octets: 0,
            unasked: 0,
            asked: Instant::now(),
        }
    }

    /// All before this place was handed over.
    pub(super) fn at(&mut self, place: Position) {
        let open = std::mem::take(&mut self.open);
        if self.unasked == 0 {
            self.asked = Instant::now();
        }
        self.unasked += open.delivered + open.refused;
        let before = self.octets / STEP;
        self.octets += std::mem::take(&mut self.open_octets);
        if before == self.octets / STEP
            && let Some((last, delivered)) = self.places.back_mut()
        {
            *last = place;
            delivered.add(open);
            return;
        }
        self.places.push_back((place, open));
    }

    /// The last of the places.
    pub(super) fn last(&self) -> Option<Position> {
        self.places.back().map(|&(place, _)| place)
    }

    /// Events that nobody has asked about, and since when there are any.
    pub(super) fn unasked(&self) -> Option<(u64, Instant)> {
        (self.unasked > 0).then_some((self.unasked, self.asked))
    }

    /// Takes out what has arrived: the place up to which it has, and what it is.
    pub(super) fn take(&mut self, arrived: Arrived) -> Option<(Position, Delivered)> {
        self.unasked = 0;
        let mut taken: Option<(Position, Delivered)> = None;
        while let Some(&(place, delivered)) = self.places.front()
            && match arrived {
                Arrived::All => true,
                Arrived::Until(until) => until.is_some_and(|until| place <= until),
            }
        {
            self.places.pop_front();
            let mut all = taken.map_or_else(Delivered::default, |(_, all)| all);
            all.add(delivered);
            taken = Some((place, all));
        }
        taken
    }

    /// Events of which nothing is known.
    pub(super) fn unknown(&self) -> u64 {
        let events = self.places.iter().map(|(_, of)| of.delivered);
        events.sum::<u64>() + self.open.delivered
    }

    /// All of it has to be handed over again.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(event: u64) -> Position {
        Position {
            segment: 1,
            offset: event * 10,
            event,
        }
    }

    fn handed(of: &mut Unconfirmed, event: u64, octets: u64) {
        of.open.delivered += 1;
        of.open_octets += octets;
        of.at(place(event));
    }

    fn one(count: u64) -> Delivered {
        Delivered {
            delivered: count,
            ..Delivered::default()
        }
    }

    #[test]
    fn what_has_arrived_leaves_and_the_rest_stays() {
        let mut of = Unconfirmed::new();
        for event in 1..=5 {
            handed(&mut of, event, STEP);
        }
        assert_eq!(of.unasked().map(|(events, _)| events), Some(5));
        assert_eq!(of.take(Arrived::Until(None)), None);
        assert_eq!(of.unasked(), None);
        let until = Arrived::Until(Some(place(3)));
        assert_eq!(of.take(until), Some((place(3), one(3))));
        assert_eq!(of.take(until), None);
        assert_eq!(of.unknown(), 2);
        assert_eq!(of.take(Arrived::All), Some((place(5), one(2))));
    }

    #[test]
    fn no_more_is_kept_than_may_be_unread_and_a_step() {
        const OCTETS: u64 = 300;
        const MAY_BE_UNREAD: u64 = 10_000;
        let mut of = Unconfirmed::new();
        let step = STEP / OCTETS + 1;
        for event in 1..=100_000 {
            handed(&mut of, event, OCTETS);
            let read = event.saturating_sub(MAY_BE_UNREAD);
            of.take(Arrived::Until(Some(place(read))));
            assert!(
                of.unknown() <= MAY_BE_UNREAD + step,
                "{event}: {}",
                of.unknown()
            );
            assert!(of.places.len() as u64 <= MAY_BE_UNREAD / (step - 1) + 2);
        }
        // What is for others is no reason for a place of its own.
        let places = of.places.len();
        for event in 100_001..200_000 {
            of.at(place(event));
        }
        assert_eq!((of.places.len(), of.last()), (places, Some(place(199_999))));
    }
}
