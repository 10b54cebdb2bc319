//! Events that go together.

use super::Event;
use crate::eventlog::Position;
use std::collections::{HashMap, VecDeque};

/// It is not made smaller than this for a receiver to whom it is too large.
const SMALLEST: usize = 1 << 14;
/// So many that were taken in a row let it grow again: to find out costs one that is refused.
const TAKEN: u32 = 64;

/// What the next events of the log are.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    /// Lines that are no events, why, and the places behind them.
    pub(super) strange: Vec<(Vec<u8>, String, Position)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.strange.is_empty()
    }
}

/// How many octets go at once.
#[derive(Debug)]
pub(super) struct Size {
    now: usize,
    most: usize,
    taken: u32,
}

impl Size {
    pub(super) fn new(most: usize) -> Self {
        Self {
            now: most,
            most,
            taken: 0,
        }
    }

    pub(super) fn octets(&self) -> usize {
        self.now
    }

    /// So many are too much for the receiver.
    pub(super) fn too_large(&mut self) {
        self.now = (self.now / 2).max(SMALLEST).min(self.most);
        self.taken = 0;
    }

    /// The receiver has taken what it was handed.
    pub(super) fn taken(&mut self) {
        self.taken += 1;
        if self.taken >= TAKEN {
            self.now = self.now.saturating_mul(2).min(self.most);
            self.taken = 0;
        }
    }
}

/// The same events in parts of which none has two of a host: where a part is taken in part, and
/// the rest later, no host's events change places.
pub(super) fn by_turns(events: Vec<Event>) -> VecDeque<Vec<Event>> {
    let mut turns: HashMap<String, usize> = HashMap::new();
    let mut parts: VecDeque<Vec<Event>> = VecDeque::new();
    for event in events {
        let turn = match &event.host {
            // Of a sensor and of nobody there is no order to keep.
            None => 0,
            Some(host) => {
                let next = turns.entry(host.clone()).or_default();
                *next += 1;
                *next - 1
            }
        };
        match parts.get_mut(turn) {
            Some(part) => part.push(event),
            None => parts.push_back(vec![event]),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventlog::Position;

    #[test]
    fn hosts_take_turns() {
        let event = |line: &str| Event::parse(line.as_bytes(), Position::default()).unwrap();
        let (a, b, none) = (
            r#"{"source":{"ip":"192.0.2.1"}}"#,
            r#"{"src_ip":"192.0.2.2"}"#,
            "{}",
        );
        let events = [a, none, a, b, none, a].map(event).to_vec();
        let parts: Vec<Vec<_>> = by_turns(events)
            .into_iter()
            .map(|part| part.into_iter().map(|event| event.host).collect())
            .collect();
        let [a, b] = [1, 2].map(|number| Some(format!("192.0.2.{number}")));
        let expected = [vec![a.clone(), None, b, None], vec![a.clone()], vec![a]];
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_size_shrinks_and_grows_back() {
        let mut size = Size::new(1 << 20);
        for octets in [1 << 19, 1 << 18] {
            size.too_large();
            assert_eq!(size.octets(), octets);
        }
        for _ in 0..TAKEN - 1 {
            size.taken();
        }
        assert_eq!(size.octets(), 1 << 18);
        size.taken();
        assert_eq!(size.octets(), 1 << 19);
        for _ in 0..10 * TAKEN {
            size.taken();
        }
        assert_eq!(size.octets(), 1 << 20);
        for _ in 0..100 {
            size.too_large();
        }
        assert_eq!(size.octets(), SMALLEST);
        // What people asked for is no more than they asked for.
        let mut small = Size::new(100);
        small.too_large();
        assert_eq!(small.octets(), 100);
    }
}
