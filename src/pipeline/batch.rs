//! Packets on their way from the capture thread to a worker.

use crate::decode::lan::Binding;
use crate::decode::packet::{Packet, PacketWith};
use crate::time::Timestamp;
use std::ops::Range;

/// Packets in a batch at most. Large enough that handing over costs little beside the work,
/// small enough that it stays in a core's cache.
pub(super) const PACKETS: usize = 2048;
/// Marks in a batch at most: other workers wait for a lane's seconds to be closed, and keep
/// what they have counted.
pub(super) const MARKS: usize = 64;
/// Octets of payload in a batch, about.
const OCTETS: usize = 256 * 1024;

/// Packets whose payloads stand one behind the other in one buffer, with marks between
/// them. Used again and again: once grown it allocates no more.
#[derive(Debug, Default)]
pub(super) struct Batch {
    payloads: Vec<u8>,
    entries: Vec<Entry>,
    /// Since it was shed last.
    marks: usize,
}

/// What a worker finds in a batch, in order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    /// A packet, its payload, and whether it is late.
    Packet(&'a Placed, &'a [u8], bool),
    /// What was said of an address; whether it is late.
    Binding(Binding, bool),
    /// Something to be done between packets.
    Mark(Mark),
}

/// A place in the stream of packets, the same for every worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// No packet of this second or an earlier one will count in a bin any more.
    Close(i64),
    /// Tell the totals, keep the state, end a period of hosts, as of this second's beginning.
    Boundary(Boundary),
    /// So many packets were thrown away here, since the worker was behind.
    Shed(u64),
    /// Another part of the TCP connections that may be known has begun: forget the eldest.
    Forget,
    /// The input ends; its newest packet is of this time. Its state may be `kept` for another.
    End { newest: Timestamp, kept: bool },
}

/// What is due at a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Boundary {
    /// The second.
    pub(super) at: i64,
    /// Totals are told.
    pub(super) totals: bool,
    /// The state is kept.
    pub(super) keep: bool,
    /// A period of hosts ends.
    pub(super) hosts: bool,
}

/// A packet with its payload's place in the buffer.
type Placed = PacketWith<Range<u32>>;

#[derive(Debug)]
enum Entry {
    /// A packet, and whether it is late.
    Packet(Placed, bool),
    Binding(Binding, bool),
    Mark(Mark),
}

impl Batch {
    /// Copies a packet in: the one copy on its way.
    #[inline]
    pub(super) fn push(&mut self, packet: &Packet<'_>, late: bool) {
        // A full batch is far shorter than what 32 bits count.
        let end = |payloads: &Vec<u8>| u32::try_from(payloads.len()).unwrap_or(u32::MAX);
        let start = end(&self.payloads);
        self.payloads.extend_from_slice(packet.payload);
        let payload = start..end(&self.payloads);
        let packet = packet.with_payload(payload);
        self.entries.push(Entry::Packet(packet, late));
    }

    /// Puts in what was said of an address.
    pub(super) fn bind(&mut self, binding: Binding, late: bool) {
        self.entries.push(Entry::Binding(binding, late));
    }

    /// Puts a mark behind the packets so far.
    pub(super) fn mark(&mut self, mark: Mark) {
        self.entries.push(Entry::Mark(mark));
        self.marks += 1;
    }

    /// Whether it should be handed over.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= PACKETS || self.payloads.len() >= OCTETS || self.marks >= MARKS
    }

    /// How much there is in it: packets, bindings and marks.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Throws its packets away and keeps its marks, so that each worker knows how many packets it was
    /// not given before totals are due. Between these the last second that was closed stays, and how
    /// many packets were lost: a worker may be behind for hours.
    pub(super) fn shed(&mut self) {
        let mut kept: Vec<Entry> = Vec::new();
        let (mut lost, mut closed) = (0, None);
        let rest = std::mem::take(&mut self.entries).into_iter().map(Some);
        for entry in rest.chain([None]) {
            match entry {
                Some(Entry::Packet(..) | Entry::Binding(..)) => lost += 1,
                Some(Entry::Mark(Mark::Shed(packets))) => lost += packets,
                Some(Entry::Mark(Mark::Close(through))) => closed = Some(through),
                other => {
                    let lost = Some(std::mem::take(&mut lost)).filter(|lost| *lost > 0);
                    kept.extend(lost.map(|lost| Entry::Mark(Mark::Shed(lost))));
                    kept.extend(closed.take().map(|it| Entry::Mark(Mark::Close(it))));
                    let again = matches!(
                        (kept.last(), &other),
                        (
                            Some(Entry::Mark(Mark::Forget)),
                            Some(Entry::Mark(Mark::Forget))
                        )
                    );
                    kept.extend(other.filter(|_| !again));
                }
            }
        }
        self.entries = kept;
        self.payloads.clear();
        // What is left is tried again with the next packets, and not with each.
        self.marks = 0;
    }

    /// Empties it, keeping its memory.
    pub(super) fn clear(&mut self) {
        self.payloads.clear();
        self.entries.clear();
        self.marks = 0;
    }

    /// What it holds from place `from` on, in order.
    pub(super) fn items(&self, from: usize) -> impl Iterator<Item = Item<'_>> {
        self.entries.iter().skip(from).map(|entry| match entry {
            Entry::Mark(mark) => Item::Mark(*mark),
            Entry::Binding(binding, late) => Item::Binding(*binding, *late),
            Entry::Packet(packet, late) => {
                let Range { start, end } = packet.payload;
                let payload = self.payloads.get(start as usize..end as usize);
                Item::Packet(packet, payload.unwrap_or_default(), *late)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_for_hours_stays_small_and_loses_no_count() {
        let mut batch = Batch::default();
        for second in 0..10_000 {
            batch.mark(Mark::Shed(3));
            batch.mark(Mark::Close(second));
            if batch.is_full() {
                batch.shed();
                assert!(!batch.is_full());
            }
        }
        batch.shed();
        let marks: Vec<_> = batch.items(0).collect();
        let [Item::Mark(lost), Item::Mark(closed)] = *marks else {
            panic!("{marks:?}");
        };
        assert_eq!((lost, closed), (Mark::Shed(30_000), Mark::Close(9_999)));
    }
}
