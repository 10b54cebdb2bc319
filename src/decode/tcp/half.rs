//! One direction of a TCP connection: segments as they come, octets as they were sent.
//!
//! The first copy of an octet wins, as it does with most receivers (RFC 9293 section 3.4
//! lets a receiver trim either); so a sender that repeats itself with other words does not
//! change what was said. What can be handed on at once is borrowed from the packet; only what
//! came too early is kept: before octets of its own direction, or before octets of the other
//! that the sender had when it sent (it acknowledged them). So an answer is not read before
//! the question that it answers, and where the question was lost, that is known first.

use crate::time::{NANOS, REORDER, Timestamp};
use serde::{Deserialize, Serialize};

/// Octets that wait for earlier ones, per direction: the largest window without scaling
/// (RFC 9293 section 3.1), as most mail clients still use.
pub const MAX_WAITING: usize = 65_535;

/// Pieces that wait, per direction.
pub const MAX_PIECES: usize = 64;

/// A segment that begins further ahead than this is none of the connection's: windows beyond
/// 16 MiB are not in use for mail.
pub(super) const WINDOW: u32 = 1 << 24;

/// After so many segments outside of the window in a row, it is the window that is wrong:
/// the capture lost the connection for a while.
const STRAYS: u8 = 8;

/// How long octets may be waited for that nobody acknowledged: several retransmissions
/// (RFC 6298: 1 s, 2 s, 4 s, 8 s).
const RETRANSMITTED: i64 = 30 * NANOS;

/// What a direction yields, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch<'a> {
    /// Octets as sent.
    Octets(&'a [u8]),
    /// So many octets that were sent and never seen; `None` where nobody knows how many, since
    /// the capture lost the connection for longer than a window.
    Hole(Option<u32>),
}

/// What is counted of all segments with payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentCounts {
    /// Nothing in them was new: retransmissions, copies of a doubled mirror port, keep-alives.
    pub retransmitted: u64,
    /// Part of them was new.
    pub overlapped: u64,
    /// They came before octets that belong before them.
    pub reordered: u64,
    /// They began too far from what was expected, and were left out.
    pub out_of_window: u64,
    /// Holes that were given up.
    pub holes: u64,
    /// Octets in them.
    pub lost: u64,
    /// Those of them that the snap length cut off.
    pub cut: u64,
    /// Octets that were handed on, each once.
    pub octets: u64,
}

impl SegmentCounts {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.retransmitted += other.retransmitted;
        self.overlapped += other.overlapped;
        self.reordered += other.reordered;
        self.out_of_window += other.out_of_window;
        self.holes += other.holes;
        self.lost += other.lost;
        self.cut += other.cut;
        self.octets += other.octets;
    }
}

/// A segment's payload and its place.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// Sequence number of its first octet.
    pub seq: u32,
    /// What was captured of it.
    pub octets: &'a [u8],
    /// How many more octets were sent behind those, and not captured.
    pub missing: u32,
    /// The sender had all octets of the other direction before this.
    pub after: Option<u32>,
}

impl Payload<'_> {
    /// Whether nothing was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty() && self.missing == 0
    }
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Half {
    /// The next octet that is expected; `None` before anything was seen.
    next: Option<u32>,
    /// What came too early, in order, without overlaps.
    waiting: Vec<Piece>,
    waiting_octets: usize,
    /// Whether a packet of this direction was seen.
    seen: bool,
    /// The receiver has acknowledged everything before this.
    acked: Option<u32>,
    /// Where the sender said that it ends.
    fin: Option<u32>,
    strays: u8,
}

#[derive(Debug)]
struct Piece {
    seq: u32,
    octets: Vec<u8>,
    missing: u32,
    after: Option<u32>,
    came: Timestamp,
}

impl Piece {
    fn end(&self) -> u32 {
        self.seq
            .wrapping_add(length(&self.octets))
            .wrapping_add(self.missing)
    }
}

/// Whether what a sender had is there; nobody has more than a window ahead.
fn had(after: Option<u32>, other: Option<u32>) -> bool {
    let early = |(after, other)| (1..=WINDOW.cast_signed()).contains(&ahead(after, other));
    !after.zip(other).is_some_and(early)
}

/// How far `seq` lies ahead of `from`, in the arithmetic of RFC 9293 section 3.4.
pub(super) fn ahead(seq: u32, from: u32) -> i32 {
    seq.wrapping_sub(from).cast_signed()
}

/// A segment is shorter than 4 GiB.
fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}

impl Half {
    /// The connection begins, and its first octet has this number, as its SYN says (`seen`) or
    /// what answered that.
    pub fn begin(&mut self, seq: u32, seen: bool) {
        self.next.get_or_insert(seq);
        self.seen |= seen;
    }

    /// Whether anything of this direction was seen.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.next.is_some()
    }

    /// Whether a segment of that number could be this direction's.
    #[must_use]
    pub fn is_near(&self, seq: u32) -> bool {
        self.next
            .is_none_or(|next| ahead(seq, next).unsigned_abs() <= WINDOW)
    }

    /// Octets that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting_octets
    }

    /// The receiver acknowledges everything before `ack`.
    pub fn acknowledge(&mut self, ack: u32) {
        let newer = |acked| ahead(ack, acked) > 0;
        if self.is_near(ack) && self.acked.is_none_or(newer) {
            self.acked = Some(ack);
        }
    }

    /// The sender has ended: no octet at `seq` or behind it.
    pub fn end(&mut self, seq: u32) {
        if self.is_near(seq) {
            self.fin.get_or_insert(seq);
        }
    }

    /// Whether all octets up to the sender's end were handed on.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        let at_end = |(fin, next)| ahead(next, fin) >= 0;
        self.fin.zip(self.next).is_some_and(at_end)
    }

    /// How far this direction was handed on, as the other acknowledges it: the number of the
    /// next octet, and one more behind its end. `None` while nothing of it was seen; then
    /// nothing of the other waits for it.
    #[must_use]
    pub fn reached(&self) -> Option<u32> {
        let next = self.next.filter(|_| self.seen)?;
        Some(next.wrapping_add(u32::from(self.is_ended())))
    }

    /// Takes a segment's payload in, and hands on what is in order now; the other direction
    /// has [`Half::reached`] `other`.
    pub fn payload(
        &mut self,
        now: Timestamp,
        payload: Payload<'_>,
        other: Option<u32>,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) {
        let next = *self.next.get_or_insert(payload.seq);
        self.seen = true;
        let total = length(payload.octets).wrapping_add(payload.missing);
        let distance = ahead(payload.seq, next);
        if distance.unsigned_abs() > WINDOW {
            counts.out_of_window += 1;
            self.strays += 1;
            if self.strays == STRAYS {
                self.flush(counts, out);
                self.strays = 0;
                self.next = Some(payload.seq);
                (self.acked, self.fin) = (None, None);
                counts.holes += 1;
                out(Stretch::Hole(None));
                self.hand_on(payload.octets, payload.missing, counts, out);
            }
            return;
        }
        self.strays = 0;
        if i64::from(distance) + i64::from(total) <= 0 {
            counts.retransmitted += u64::from(total > 0);
            return;
        }
        let mut payload = payload;
        if distance < 0 {
            counts.overlapped += 1;
            payload = behind(payload, distance.unsigned_abs());
        }
        let early = !had(payload.after, other);
        if distance <= 0 && !early && self.waiting.is_empty() {
            self.hand_on(payload.octets, payload.missing, counts, out);
            return;
        }
        counts.reordered += u64::from(distance > 0);
        self.keep(now, payload, counts);
        self.drain(other, counts, out);
        while self.waiting_octets > MAX_WAITING || self.waiting.len() > MAX_PIECES {
            self.skip(counts, out);
            self.drain(other, counts, out);
        }
    }

    /// Whether the first piece has waited for too long.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let Some(first) = self.waiting.first() else {
            return false;
        };
        let acked = |acked| ahead(acked, first.seq) >= 0;
        // What waits for the other direction has acknowledged that itself.
        let known = self.next == Some(first.seq) || self.acked.is_some_and(acked);
        // They were on the wire then, and would be late.
        let patience = if known { REORDER } else { RETRANSMITTED };
        now.nanos_since(first.came) > patience
    }

    /// When the first piece that waits came.
    #[must_use]
    pub fn waits_since(&self) -> Option<Timestamp> {
        self.waiting.first().map(|first| first.came)
    }

    /// Nothing more will come: gives up what the sender had said before the end that it
    /// announced, or the receiver had acknowledged, and was never seen. For when nothing waits
    /// any more.
    pub fn finish(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Stretch<'_>)) {
        if let Some(next) = self.next.filter(|_| self.seen)
            && let Some(last) = self.fin.or(self.acked)
            && (1..=WINDOW.cast_signed()).contains(&ahead(last, next))
        {
            self.skip_to(last, counts, out);
        }
    }

    /// Keeps of a payload what nothing that waits covers.
    fn keep(&mut self, now: Timestamp, mut payload: Payload<'_>, counts: &mut SegmentCounts) {
        let mut at = 0;
        let mut covered = false;
        loop {
            let total = length(payload.octets).wrapping_add(payload.missing);
            let Some(piece) = self.waiting.get(at) else {
                self.insert(now, at, payload);
                break;
            };
            let before = ahead(piece.seq, payload.seq);
            let (piece_seq, piece_end) = (piece.seq, piece.end());
            if before > 0 {
                // What lies before that piece is new.
                let room = before.unsigned_abs();
                if room >= total {
                    self.insert(now, at, payload);
                    break;
                }
                self.insert(now, at, until(payload, room));
                payload = behind(payload, room);
                covered = true;
                at += 1;
                debug_assert_eq!(payload.seq, piece_seq);
                continue;
            }
            let overlap = ahead(piece_end, payload.seq);
            if overlap > 0 {
                covered = true;
                let overlap = overlap.unsigned_abs();
                if overlap >= total {
                    break;
                }
                payload = behind(payload, overlap);
            }
            at += 1;
        }
        counts.overlapped += u64::from(covered);
    }

    fn insert(&mut self, now: Timestamp, at: usize, payload: Payload<'_>) {
        if payload.is_empty() {
            return;
        }
        self.waiting_octets += payload.octets.len();
        let piece = Piece {
            seq: payload.seq,
            octets: payload.octets.to_vec(),
            missing: payload.missing,
            after: payload.after,
            came: now,
        };
        self.waiting.insert(at, piece);
    }

    /// Hands on what waits and is in order; whether there was any.
    pub fn drain(
        &mut self,
        other: Option<u32>,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) -> bool {
        let before = self.waiting.len();
        while let Some(first) = self.waiting.first()
            && Some(first.seq) == self.next
            && had(first.after, other)
        {
            let Piece {
                octets, missing, ..
            } = self.waiting.remove(0);
            self.waiting_octets -= octets.len();
            self.hand_on(&octets, missing, counts, out);
        }
        self.waiting.len() < before
    }

    fn hand_on(
        &mut self,
        octets: &[u8],
        missing: u32,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) {
        if !octets.is_empty() {
            counts.octets += octets.len() as u64;
            self.next = self.next.map(|next| next.wrapping_add(length(octets)));
            out(Stretch::Octets(octets));
        }
        if missing > 0
            && let Some(next) = self.next
        {
            counts.cut += u64::from(missing);
            self.skip_to(next.wrapping_add(missing), counts, out);
        }
    }

    /// Whether the first piece waits for octets of its own direction.
    #[must_use]
    pub fn has_hole(&self) -> bool {
        let first = self.waiting.first();
        first.is_some_and(|first| Some(first.seq) != self.next)
    }

    /// Gives up what the first piece waits for: the octets before it, or else those of the
    /// other direction. [`Half::drain`] then hands it on.
    pub fn skip(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Stretch<'_>)) {
        let hole = self.has_hole();
        if let Some(first) = self.waiting.first_mut() {
            if hole {
                let seq = first.seq;
                self.skip_to(seq, counts, out);
            } else {
                first.after = None;
            }
        }
    }

    /// What of the other direction the first piece waits for.
    #[must_use]
    pub(super) fn waits_after(&self) -> Option<u32> {
        self.waiting.first().and_then(|first| first.after)
    }

    /// Gives up what the other direction had of this one, as it acknowledged: everything
    /// before `ack`, where nothing of it waits.
    pub(super) fn give_up(
        &mut self,
        ack: u32,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) {
        // The end takes a number too, and no octet.
        let at_end = self.fin.is_some_and(|fin| ack == fin.wrapping_add(1));
        self.skip_to(ack.wrapping_sub(u32::from(at_end)), counts, out);
    }

    /// Hands on all that waits.
    fn flush(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Stretch<'_>)) {
        while !self.waiting.is_empty() {
            self.skip(counts, out);
            self.drain(None, counts, out);
        }
    }

    fn skip_to(&mut self, seq: u32, counts: &mut SegmentCounts, out: &mut dyn FnMut(Stretch<'_>)) {
        let lost = self.next.map_or(0, |next| seq.wrapping_sub(next));
        self.next = Some(seq);
        if lost > 0 {
            counts.holes += 1;
            counts.lost += u64::from(lost);
            out(Stretch::Hole(Some(lost)));
        }
    }
}

/// What is left of a payload behind its first `count` octets.
fn behind(payload: Payload<'_>, count: u32) -> Payload<'_> {
    let captured = length(payload.octets);
    Payload {
        seq: payload.seq.wrapping_add(count),
        octets: payload.octets.get(count as usize..).unwrap_or_default(),
        missing: payload
            .missing
            .saturating_sub(count.saturating_sub(captured)),
        ..payload
    }
}

/// The first `count` octets of a payload.
fn until(payload: Payload<'_>, count: u32) -> Payload<'_> {
    let octets = payload.octets.get(..count as usize);
    let octets = octets.unwrap_or(payload.octets);
    Payload {
        seq: payload.seq,
        octets,
        missing: payload.missing.min(count - length(octets)),
        ..payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smoltcp::storage::Assembler;

    /// What a direction yields, with holes as so many `None`s, and a question mark for one of
    /// which nobody knows how long it is.
    fn collect(into: &mut Vec<Option<u8>>) -> impl FnMut(Stretch<'_>) + '_ {
        |stretch| match stretch {
            Stretch::Octets(octets) => into.extend(octets.iter().copied().map(Some)),
            Stretch::Hole(Some(count)) => into.extend(std::iter::repeat_n(None, count as usize)),
            Stretch::Hole(None) => into.push(Some(b'?')),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    fn take(
        half: &mut Half,
        second: i64,
        (seq, octets): (u32, &[u8]),
        counts: &mut SegmentCounts,
        said: &mut Vec<Option<u8>>,
    ) {
        let payload = Payload {
            seq,
            octets,
            missing: 0,
            after: None,
        };
        half.payload(at(second), payload, None, counts, &mut collect(said));
    }

    fn finish(half: &mut Half, counts: &mut SegmentCounts, said: &mut Vec<Option<u8>>) {
        half.flush(counts, &mut collect(said));
        half.finish(counts, &mut collect(said));
    }

    fn text(said: &[Option<u8>]) -> String {
        let octet = |octet: &Option<u8>| octet.map_or('_', char::from);
        said.iter().map(octet).collect()
    }

    /// A part of the stream, what of it was captured, and whether it is another's octets.
    #[derive(Clone, Debug)]
    struct Sent {
        start: usize,
        length: usize,
        captured: usize,
        forged: bool,
    }

    fn sent() -> impl Strategy<Value = Sent> {
        let shape = (0_usize..1500, 1_usize..300, 0_usize..1000, any::<bool>());
        shape.prop_map(|(start, length, cut, forged)| Sent {
            start,
            length,
            // One in five is cut by the snap length.
            captured: if cut < 200 {
                length * cut / 200
            } else {
                length
            },
            forged: forged && cut > 600,
        })
    }

    proptest! {
        /// The reference takes all segments, writes each octet that has none yet, and reads
        /// from the front.
        #[test]
        fn the_first_copy_of_each_octet_is_read_in_order(
            first in any::<u32>(), sent in proptest::collection::vec(sent(), 1..40)
        ) {
            let mut half = Half::default();
            half.begin(first, true);
            let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
            // `None`: nothing came; `Some(None)`: known to be lost.
            let mut reference: Vec<Option<Option<u8>>> = vec![None; 2000];
            let mut front = 0;
            for segment in &sent {
                let Sent { start, length, captured, forged } = *segment;
                let octets: Vec<u8> = (start..start + captured)
                    .map(|place| u8::try_from(place % 251).unwrap() ^ u8::from(forged))
                    .collect();
                let sent = octets.iter().copied().map(Some);
                let sent = sent.chain(std::iter::repeat(None)).take(length);
                for (place, octet) in (start..).zip(sent).filter(|(place, _)| *place >= front) {
                    reference[place].get_or_insert(octet);
                }
                front += reference[front..].iter().take_while(|octet| octet.is_some()).count();
                let payload = Payload {
                    seq: first.wrapping_add(u32::try_from(start).unwrap()),
                    octets: &octets,
                    missing: u32::try_from(length - captured).unwrap(),
                    after: None,
                };
                half.payload(at(0), payload, None, &mut counts, &mut collect(&mut said));
                let expected: Vec<_> = reference[..front].iter().map(|octet| octet.unwrap()).collect();
                prop_assert_eq!(&said, &expected);
            }
            finish(&mut half, &mut counts, &mut said);
            prop_assert_eq!(half.waiting(), 0);
            let last = reference.iter().rposition(Option::is_some).map_or(0, |place| place + 1);
            let expected: Vec<_> = reference[..last].iter().map(|octet| octet.flatten()).collect();
            prop_assert_eq!(&said, &expected);
            prop_assert_eq!(
                counts.lost, expected.iter().filter(|octet| octet.is_none()).count() as u64
            );
        }

        /// What is in order, and how much waits, is as smoltcp's assembler has it.
        #[test]
        fn order_and_bounds_are_smoltcps(
            first in any::<u32>(),
            segments in proptest::collection::vec((0_usize..400, 1_usize..60), 1..60)
        ) {
            let mut half = Half::default();
            half.begin(first, true);
            let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
            let mut theirs = Assembler::new();
            let mut front = 0;
            for (start, length) in segments {
                let octets = vec![7; length];
                let seq = first.wrapping_add(u32::try_from(start).unwrap());
                take(&mut half, 0, (seq, &octets), &mut counts, &mut said);
                let end = start + length;
                if end > front {
                    let from = start.max(front);
                    prop_assume!(theirs.add(from - front, end - from).is_ok());
                    front += theirs.remove_front();
                }
                prop_assert_eq!(said.len(), front);
                let waiting: usize = theirs.iter_data().map(|(from, to)| to - from).sum();
                prop_assert_eq!(half.waiting(), waiting);
            }
            prop_assert_eq!(counts.lost, 0);
        }

        #[test]
        fn any_segments_stay_within_the_bounds(
            segments in proptest::collection::vec(
                (any::<u32>(), 0_usize..3000, 0_u32..3000, 0_i64..20, any::<(u32, u32)>()), 0..200
            )
        ) {
            let mut half = Half::default();
            let (mut counts, mut second) = (SegmentCounts::default(), 0);
            for (seq, length, missing, wait, (ack, after)) in segments {
                second += wait;
                let octets = vec![0; length];
                // Near each other, so that they meet.
                let after = Some(after % 100);
                let payload = Payload { seq: seq % 200_000, octets: &octets, missing, after };
                half.acknowledge(ack % 200_000);
                if half.is_overdue(at(second)) {
                    half.skip(&mut counts, &mut |_| {});
                    half.drain(None, &mut counts, &mut |_| {});
                }
                half.payload(at(second), payload, Some(ack % 100), &mut counts, &mut |_| {});
                prop_assert!(half.waiting() <= MAX_WAITING && half.waiting.len() <= MAX_PIECES);
                let octets: usize = half.waiting.iter().map(|piece| piece.octets.len()).sum();
                prop_assert_eq!(half.waiting(), octets);
                let ordered = half.waiting.windows(2).all(|pair| ahead(pair[1].seq, pair[0].end()) >= 0);
                prop_assert!(ordered);
            }
        }
    }

    #[test]
    fn numbers_wrap() {
        let mut half = Half::default();
        let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
        half.begin(u32::MAX - 1, true);
        take(&mut half, 0, (1, b"D"), &mut counts, &mut said);
        take(&mut half, 0, (0, b"C"), &mut counts, &mut said);
        take(&mut half, 0, (u32::MAX - 1, b"AB"), &mut counts, &mut said);
        take(&mut half, 0, (u32::MAX, b"bc"), &mut counts, &mut said);
        assert_eq!(text(&said), "ABCD");
        assert_eq!((counts.reordered, counts.retransmitted), (2, 1));
    }

    #[test]
    fn a_hole_waits_longer_where_nobody_acknowledged_it() {
        for (acked, patience) in [(true, 2), (false, 30)] {
            let mut half = Half::default();
            let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
            half.begin(100, true);
            take(&mut half, 50, (103, b"late"), &mut counts, &mut said);
            if acked {
                half.acknowledge(107);
            }
            assert!(!half.is_overdue(at(50 + patience)) && half.is_overdue(at(51 + patience)));
            half.skip(&mut counts, &mut collect(&mut said));
            half.drain(None, &mut counts, &mut collect(&mut said));
            assert_eq!(text(&said), "___late");
            assert_eq!((counts.holes, counts.lost), (1, 3));
            // What fills it now comes too late.
            take(&mut half, 90, (100, b"abc"), &mut counts, &mut said);
            take(&mut half, 90, (107, b"r"), &mut counts, &mut said);
            assert_eq!(text(&said), "___later");
        }
    }

    #[test]
    fn an_answer_waits_for_what_it_answers() {
        let mut half = Half::default();
        let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
        half.begin(1, true);
        let answer = |seq, after| Payload {
            seq,
            octets: b"x",
            missing: 0,
            after: Some(after),
        };
        // The other direction is not seen at all: nothing to wait for.
        half.payload(
            at(0),
            answer(1, 900),
            None,
            &mut counts,
            &mut collect(&mut said),
        );
        half.payload(
            at(0),
            answer(2, 70),
            Some(70),
            &mut counts,
            &mut collect(&mut said),
        );
        half.payload(
            at(0),
            answer(3, 75),
            Some(70),
            &mut counts,
            &mut collect(&mut said),
        );
        half.payload(
            at(0),
            answer(4, 75),
            Some(70),
            &mut counts,
            &mut collect(&mut said),
        );
        assert_eq!((text(&said).as_str(), half.waiting()), ("xx", 2));
        assert!(!half.drain(Some(74), &mut counts, &mut collect(&mut said)));
        assert!(!half.is_overdue(at(2)) && half.is_overdue(at(3)));
        assert!(half.drain(Some(75), &mut counts, &mut collect(&mut said)));
        assert_eq!((text(&said).as_str(), counts.holes), ("xxxx", 0));
    }

    #[test]
    fn a_forged_segment_far_ahead_changes_nothing_but_eight_move_the_window() {
        let mut half = Half::default();
        let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
        half.begin(0, true);
        for _ in 0..7 {
            take(&mut half, 0, (1 << 30, b"x"), &mut counts, &mut said);
        }
        take(&mut half, 0, (0, b"a"), &mut counts, &mut said);
        assert_eq!((text(&said).as_str(), counts.out_of_window), ("a", 7));
        for place in 0..9 {
            take(
                &mut half,
                0,
                ((1 << 30) + place, b"y"),
                &mut counts,
                &mut said,
            );
        }
        assert_eq!(text(&said), "a?yy");
    }

    #[test]
    fn an_end_and_an_acknowledgement_from_outside_the_window_are_none() {
        let mut half = Half::default();
        let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
        half.begin(0, true);
        take(&mut half, 0, (0, b"ab"), &mut counts, &mut said);
        half.acknowledge(1 << 30);
        half.acknowledge(5);
        half.end(1 << 30);
        finish(&mut half, &mut counts, &mut said);
        assert_eq!((text(&said).as_str(), counts.lost), ("ab___", 3));
        // Where the window moves, an end of before is no end of what comes now.
        half.end(50);
        for _ in 0..STRAYS {
            take(&mut half, 0, (1 << 30, b"x"), &mut counts, &mut said);
        }
        assert_eq!((text(&said).as_str(), half.is_ended()), ("ab___?x", false));
    }

    #[test]
    fn the_end_is_reached_in_order_and_what_was_lost_before_it_is_told() {
        let mut half = Half::default();
        let (mut counts, mut said) = (SegmentCounts::default(), Vec::new());
        half.begin(10, true);
        half.end(14);
        assert!(!half.is_ended());
        take(&mut half, 0, (10, b"ab"), &mut counts, &mut said);
        assert!(!half.is_ended());
        finish(&mut half, &mut counts, &mut said);
        assert_eq!((text(&said).as_str(), half.is_ended()), ("ab__", true));
    }
}
