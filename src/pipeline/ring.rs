//! Frames that may be asked for later: the newest ones, within a bound of octets.
//!
//! All memory is taken at the beginning, so that a frame costs one copy, one record and one
//! place in an index, and no allocation. The index leads from a host's newest frame to its
//! eldest, so that who asks for a host passes its own frames and few others.

use crate::capture::{Frame, LinkType, Origin};
use crate::host::HostAddr;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::hash::BuildHasher as _;

/// Octets of frames.
const OCTETS: usize = 16 << 20;
/// Frames; at 64 octets each, as much again. Headers alone are 42 to 66 octets, so that both
/// are full at about the same time.
const FRAMES: usize = 1 << 18;
/// Places in the index, a power of two: a host shares its own with few of the others.
const BUCKETS: usize = 1 << 16;

/// A frame without its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Whose it is.
    pub(super) host: HostAddr,
    /// When it was captured.
    pub(super) time: Timestamp,
    /// Where it stood.
    pub(super) origin: Origin,
    /// What its first octets are.
    pub(super) link: LinkType,
    /// Its length on the wire.
    pub(super) wire_len: u32,
}

impl Record {
    /// The record of a frame.
    pub(super) fn of(host: HostAddr, frame: &Frame<'_>) -> Self {
        Self {
            host,
            time: frame.time,
            origin: frame.origin,
            link: frame.link,
            wire_len: frame.wire_len,
        }
    }

    /// The frame, with the octets that were kept of it.
    pub(super) fn frame<'a>(&self, bytes: &'a [u8]) -> Frame<'a> {
        Frame {
            bytes,
            wire_len: self.wire_len,
            time: self.time,
            link: self.link,
            origin: self.origin,
        }
    }
}

/// The newest frames; the eldest leave.
pub(super) struct Ring {
    octets: Box<[u8]>,
    slots: VecDeque<Slot>,
    frames: usize,
    /// Frames that have left: the number of the first slot.
    left: u64,
    /// Where the next frame is put.
    head: usize,
    /// For each bucket of hosts one more than the number of the newest frame, 0 for none.
    newest: Box<[u64]>,
    hasher: foldhash::fast::RandomState,
}

#[derive(Clone, Copy)]
struct Slot {
    record: Record,
    at: u32,
    length: u32,
    /// The one before of the same bucket, as in `newest`.
    earlier: u64,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self::with_bounds(OCTETS, FRAMES)
    }

    fn with_bounds(octets: usize, frames: usize) -> Self {
        Self {
            octets: vec![0; octets].into_boxed_slice(),
            slots: VecDeque::with_capacity(frames),
            frames,
            left: 0,
            head: 0,
            newest: vec![0; BUCKETS].into_boxed_slice(),
            hasher: foldhash::fast::RandomState::default(),
        }
    }

    /// The number that the next frame gets; each gets one more than the one before.
    pub(super) fn next(&self) -> u64 {
        self.left + self.slots.len() as u64
    }

    /// Keeps a frame's first octets; those that need its room leave. Whether it is kept: one
    /// that is larger than the ring is not.
    pub(super) fn push(&mut self, record: Record, bytes: &[u8]) -> bool {
        if bytes.len() > self.octets.len() {
            return false;
        }
        if self.slots.len() >= self.frames {
            self.drop_eldest();
        }
        if self.head + bytes.len() > self.octets.len() {
            // It does not fit behind the newest; what lies between there and the end is the
            // eldest.
            while self.eldest_is(|at, _| at >= self.head) {
                self.drop_eldest();
            }
            self.head = 0;
        }
        let (from, to) = (self.head, self.head + bytes.len());
        while self.eldest_is(|at, end| at < to && from < end) {
            self.drop_eldest();
        }
        if let Some(room) = self.octets.get_mut(from..to) {
            room.copy_from_slice(bytes);
        }
        self.head = to;
        let number = self.next();
        let bucket = self.bucket(record.host);
        let earlier = self
            .newest
            .get_mut(bucket)
            .map_or(0, |newest| std::mem::replace(newest, number + 1));
        self.slots.push_back(Slot {
            record,
            at: u32::try_from(from).unwrap_or(u32::MAX),
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            earlier,
        });
        true
    }

    /// A host's frames with their numbers, the newest first.
    pub(super) fn of(&self, host: HostAddr) -> impl Iterator<Item = (u64, Record, &[u8])> {
        let mut next = self.newest.get(self.bucket(host)).copied().unwrap_or(0);
        let of_bucket = std::iter::from_fn(move || {
            let number = next.checked_sub(1)?;
            let slot = self.slot(number)?;
            next = slot.earlier;
            Some((number, slot))
        });
        of_bucket
            .filter(move |(_, slot)| slot.record.host == host)
            .map(|(number, slot)| (number, slot.record, self.bytes(slot)))
    }

    /// The frame of a number, as long as it is there.
    pub(super) fn get(&self, number: u64) -> Option<(Record, &[u8])> {
        let slot = self.slot(number)?;
        Some((slot.record, self.bytes(slot)))
    }

    /// Takes a frame away from its host. Its room is free when it would have left.
    pub(super) fn disown(&mut self, number: u64) {
        let index = number.checked_sub(self.left);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) {
            slot.record.host = HostAddr::default();
        }
    }

    fn slot(&self, number: u64) -> Option<&Slot> {
        // What has left leaves its number behind.
        let index = usize::try_from(number.checked_sub(self.left)?).ok()?;
        self.slots.get(index)
    }

    fn bytes(&self, slot: &Slot) -> &[u8] {
        let from = slot.at as usize;
        let bytes = self.octets.get(from..from + slot.length as usize);
        bytes.unwrap_or_default()
    }

    fn eldest_is(&self, what: impl Fn(usize, usize) -> bool) -> bool {
        self.slots.front().is_some_and(|slot| {
            let from = slot.at as usize;
            what(from, from + slot.length as usize)
        })
    }

    fn drop_eldest(&mut self) {
        if self.slots.pop_front().is_some() {
            self.left += 1;
        }
    }

    fn bucket(&self, host: HostAddr) -> usize {
        usize::try_from(self.hasher.hash_one(host) % BUCKETS as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(number: u8) -> HostAddr {
        HostAddr::from_v4([192, 0, 2, number])
    }

    fn record(number: u8, time: i64) -> Record {
        Record {
            host: host(number),
            time: Timestamp::from_nanos(time),
            origin: Origin::default(),
            link: LinkType::RAW,
            wire_len: 9000,
        }
    }

    /// A frame's octets tell which it is.
    fn bytes(time: i64, length: usize) -> Vec<u8> {
        let mut bytes = time.to_le_bytes().to_vec();
        bytes.resize(length.max(8), 0xee);
        bytes
    }

    fn times(ring: &Ring, number: u8) -> Vec<i64> {
        ring.of(host(number))
            .map(|(_, record, _)| record.time.nanos())
            .collect()
    }

    #[test]
    fn the_eldest_leave_and_a_host_gets_its_own() {
        let mut ring = Ring::with_bounds(1000, 4);
        for time in 0..6 {
            assert!(ring.push(record(1 + u8::from(time % 2 == 1), time), &bytes(time, 8)));
        }
        assert_eq!(times(&ring, 1), [4, 2]);
        assert_eq!(times(&ring, 2), [5, 3]);
        assert_eq!(times(&ring, 3), [0; 0]);
        assert_eq!(ring.next(), 6);
    }

    #[test]
    fn a_frame_that_does_not_fit_behind_the_newest_begins_at_the_front() {
        let mut ring = Ring::with_bounds(100, 1000);
        for (time, length) in [(0, 40), (1, 40)] {
            ring.push(record(1, time), &bytes(time, length));
        }
        // Twenty octets are left at the end.
        ring.push(record(1, 2), &bytes(2, 30));
        assert_eq!(times(&ring, 1), [2, 1]);
        ring.push(record(1, 3), &bytes(3, 100));
        assert_eq!(times(&ring, 1), [3]);
        assert!(!ring.push(record(1, 4), &bytes(4, 101)));
        assert_eq!(times(&ring, 1), [3]);
    }

    proptest! {
        /// What a host is given is what was put in, whole and in order, and without a gap: the
        /// newest of all that were kept.
        #[test]
        fn the_newest_of_what_was_put_in(
            frames in prop::collection::vec((0_u8..4, 8_usize..60), 1..400),
            octets in 60_usize..500,
            bound in 1_usize..40,
        ) {
            let mut ring = Ring::with_bounds(octets, bound);
            for (time, (number, length)) in (0..).zip(&frames) {
                ring.push(record(*number, time), &bytes(time, *length));
            }
            let mut kept: Vec<usize> = Vec::new();
            for number in 0..4 {
                let mut last = i64::MAX;
                for (_, record, bytes) in ring.of(host(number)) {
                    let time = record.time.nanos();
                    prop_assert!(time < last);
                    last = time;
                    let at = usize::try_from(time).unwrap();
                    prop_assert_eq!(frames[at].0, number);
                    prop_assert_eq!(bytes, &self::bytes(time, frames[at].1)[..]);
                    kept.push(at);
                }
            }
            kept.sort_unstable();
            let from = frames.len() - kept.len();
            prop_assert_eq!(&kept, &(from..frames.len()).collect::<Vec<_>>());
            prop_assert!(!kept.is_empty() && kept.len() <= bound);
            let held: usize = kept.iter().map(|at| frames[*at].1).sum();
            prop_assert!(held <= octets);
        }
    }
}
