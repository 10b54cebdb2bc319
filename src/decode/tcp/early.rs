//! Packets that may have overtaken the handshake of their connection: a mirror port merges
//! the two directions, and parallel paths, only roughly in order.
//!
//! They wait until both initial numbers are known, or until their second closes, when no
//! packet that is in time can come before them any more. What they say then has their own
//! time and place, so that waiting changes nothing where nothing was overtaken: in
//! connections that are picked up in the middle, or of which one direction is not mirrored.

use super::half::{MAX_WAITING, WINDOW, ahead};
use super::slot::Attempt;
use super::{Connections, Listener, Moment, Sent};
use crate::decode::packet::Segment;
use crate::decode::smtp::Side;

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Early {
    side: Side,
    segment: Segment,
    octets: Box<[u8]>,
    missing: u32,
    moment: Moment,
}

impl Early {
    fn new(sent: &Sent<'_>) -> Self {
        Self {
            side: sent.side,
            segment: sent.segment,
            octets: sent.payload.octets.into(),
            missing: sent.payload.missing,
            moment: sent.moment,
        }
    }

    pub(super) fn sent(&self) -> Sent<'_> {
        Sent::new(
            self.side,
            self.segment,
            &self.octets,
            self.missing,
            self.moment,
        )
    }

    pub(super) fn is_reset(&self) -> bool {
        self.segment.has(Segment::RST)
    }

    /// It carries octets, and is no SYN: those of an unanswered SYN are not read.
    fn speaks(&self) -> bool {
        let carries = !self.octets.is_empty() || self.missing > 0;
        carries && !self.is_reset() && !self.segment.has(Segment::SYN)
    }

    /// What it takes.
    pub(super) fn octets(&self) -> usize {
        size_of::<Self>() + self.octets.len()
    }
}

/// The lowest number among the octets of a side.
fn lowest(held: &[Early], side: Side) -> Option<u32> {
    let of_side = held.iter().filter(|early| early.side == side);
    let seqs = of_side.filter(|early| early.speaks());
    let near = |low: u32, seq: u32| (-WINDOW.cast_signed()..0).contains(&ahead(seq, low));
    seqs.map(|early| early.segment.seq)
        .reduce(|low, seq| if near(low, seq) { seq } else { low })
}

impl Connections {
    /// Keeps a packet for later. Where too much is kept, what waits longest is read now, as it
    /// came.
    pub(super) fn hold(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        let early = Early::new(sent);
        let held = slot.held.get_or_insert_default();
        if held.is_empty() {
            self.due.insert((sent.moment.time, at));
        }
        self.octets += early.octets();
        held.push(early);
        let kept: usize = held.iter().map(Early::octets).sum();
        if kept > MAX_WAITING || self.octets > self.limits.octets {
            self.release(at, out);
        } else if self.due.len() > self.limits.streams
            && let Some(&(_, at)) = self.due.first()
        {
            self.come_due(at, out);
        }
    }

    /// Nothing can have been overtaken any more.
    pub(super) fn come_due(&mut self, at: u32, out: &mut Listener<'_>) {
        let stream = self.slot(at).and_then(|slot| slot.stream.as_ref());
        match stream.and_then(|stream| stream.reset_at().copied()) {
            Some(moment) => self.end(at, true, &moment, out),
            None => self.release(at, out),
        }
    }

    /// Takes what was held back out of a connection's account.
    pub(super) fn take_held(&mut self, at: u32) -> Vec<Early> {
        let slot = self.slots.get_mut(at as usize);
        let held = slot.and_then(|slot| slot.held.take());
        let held = held.map_or_else(Vec::new, |held| *held);
        if let Some(first) = held.first() {
            self.due.remove(&(first.moment.time, at));
        }
        self.octets -= held.iter().map(Early::octets).sum::<usize>();
        held
    }

    /// Reads what was held back. A connection of which nothing else is known, and that says
    /// nothing, is forgotten.
    pub(super) fn release(&mut self, at: u32, out: &mut Listener<'_>) {
        let held = self.take_held(at);
        let Some(first) = held.first() else {
            return;
        };
        let Some(slot) = self.slot(at) else {
            return;
        };
        let (unseen, doubtful) = (
            slot.attempt == Attempt::Unseen,
            matches!(slot.attempt, Attempt::Doubtful(_)),
        );
        if slot.stream.is_none() && !doubtful {
            let speaks = held.iter().any(Early::speaks);
            // A client that goes on had its answer.
            let goes_on = |early: &Early| {
                early.side == Side::Client
                    && early.segment.flags & (Segment::SYN | Segment::RST) == 0
            };
            if unseen && !speaks {
                self.remove(at);
                return;
            }
            if speaks || held.iter().any(goes_on) {
                self.counts.midstream += u64::from(unseen);
                for early in &held {
                    self.lapse(at, &early.sent(), out);
                }
                self.follow(at, &first.moment, out);
                self.with_stream(at, &first.moment, out, |stream, _, _| {
                    for side in [Side::Client, Side::Server] {
                        if let Some(seq) = lowest(&held, side) {
                            stream.begin(side, seq, true);
                        }
                    }
                });
            }
        }
        // What an RST covers was sent before it.
        let (resets, others): (Vec<_>, Vec<_>) = held.iter().partition(|early| early.is_reset());
        for early in others.into_iter().chain(resets) {
            if !early.segment.has(Segment::SYN) {
                self.act(at, &early.sent(), out);
            } else if self.slot(at).is_some_and(|slot| slot.stream.is_some()) {
                self.speak(at, &early.sent(), out);
            }
        }
    }
}
