//! One direction of a TCP connection: segments as they come, octets as they were sent.
//!
//! The first copy of an octet wins, as it does with most receivers (RFC 9293 section 3.4
//! lets a receiver trim either); so a sender that repeats itself with other words does not
//! change what was said. What can be handed on at once is borrowed from the packet; only what
//! came too early is kept.

use crate::time::{NANOS, Timestamp};

/// Octets that wait for earlier ones, per direction: the largest window without scaling
/// (RFC 9293 section 3.1), as most mail clients still use.
pub const MAX_WAITING: usize = 65_535;

/// Pieces that wait, per direction.
pub const MAX_PIECES: usize = 64;

/// A segment that begins further ahead than this is none of the connection's: windows beyond
/// 16 MiB are not in use for mail.
const WINDOW: u32 = 1 << 24;

/// After so many segments outside of the window in a row, it is the window that is wrong:
/// the capture lost the connection for a while.
const STRAYS: u8 = 8;

/// How long a hole may wait to be filled, once the receiver has acknowledged it: the packets
/// were on the wire, and mxray takes no packet in time that is 2 s late.
const REORDERED: i64 = 2 * NANOS;

/// How long a hole may wait otherwise: several retransmissions (RFC 6298: 1 s, 2 s, 4 s, 8 s).
const RETRANSMITTED: i64 = 30 * NANOS;

/// What a direction yields, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch<'a> {
    /// Octets as sent.
    Octets(&'a [u8]),
    /// So many octets that were sent and never seen.
    Hole(u32),
}

/// What is counted of all segments with payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Half {
    /// The next octet that is expected; `None` before anything was seen.
    next: Option<u32>,
    /// What came too early, in order, without overlaps.
    waiting: Vec<Piece>,
    waiting_octets: usize,
    /// When the eldest hole was first seen.
    hole_since: Timestamp,
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
}

impl Piece {
    fn end(&self) -> u32 {
        self.seq
            .wrapping_add(length(&self.octets))
            .wrapping_add(self.missing)
    }
}

/// How far `seq` lies ahead of `from`, in the arithmetic of RFC 9293 section 3.4.
fn ahead(seq: u32, from: u32) -> i32 {
    seq.wrapping_sub(from).cast_signed()
}

/// A segment is shorter than 4 GiB.
fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}

impl Half {
    /// The connection begins, and its first octet has this number.
    pub fn begin(&mut self, seq: u32) {
        self.next.get_or_insert(seq);
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
        if self.acked.is_none_or(newer) {
            self.acked = Some(ack);
        }
    }

    /// The sender has ended: no octet at `seq` or behind it.
    pub fn end(&mut self, seq: u32) {
        self.fin.get_or_insert(seq);
    }

    /// Whether all octets up to the sender's end were handed on.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        let at_end = |(fin, next)| ahead(next, fin) >= 0;
        self.fin.zip(self.next).is_some_and(at_end)
    }

    /// Takes a segment's payload in, and hands on what is in order now.
    pub fn payload(
        &mut self,
        now: Timestamp,
        payload: Payload<'_>,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) {
        let next = *self.next.get_or_insert(payload.seq);
        let total = length(payload.octets).wrapping_add(payload.missing);
        let distance = ahead(payload.seq, next);
        if distance.unsigned_abs() > WINDOW {
            counts.out_of_window += 1;
            self.strays += 1;
            if self.strays == STRAYS {
                self.finish(false, counts, out);
                self.strays = 0;
                self.next = Some(payload.seq);
                counts.holes += 1;
                out(Stretch::Hole(1)); // nobody knows how much
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
        if distance <= 0 && self.waiting.is_empty() {
            self.hand_on(payload.octets, payload.missing, counts, out);
            return;
        }
        if distance > 0 {
            counts.reordered += 1;
            if self.waiting.is_empty() {
                self.hole_since = now;
            }
        }
        self.keep(payload, counts);
        self.drain(counts, out);
        if self.next != Some(next) {
            // The next hole, if there is one, is another.
            self.hole_since = now;
        }
        while self.waiting_octets > MAX_WAITING || self.waiting.len() > MAX_PIECES {
            self.skip(counts, out);
        }
    }

    /// Gives up holes that have waited for too long.
    pub fn tick(
        &mut self,
        now: Timestamp,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) {
        while let Some(first) = self.waiting.first() {
            let acked = self.acked.is_some_and(|acked| ahead(acked, first.seq) >= 0);
            let patience = if acked { REORDERED } else { RETRANSMITTED };
            if now.nanos_since(self.hole_since) <= patience {
                break;
            }
            self.skip(counts, out);
            self.hole_since = now;
        }
    }

    /// Gives up every hole; where nothing more will come, also the one before an end that the
    /// sender announced.
    pub fn finish(
        &mut self,
        end: bool,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) {
        while !self.waiting.is_empty() {
            self.skip(counts, out);
        }
        if end
            && let (Some(fin), Some(next)) = (self.fin, self.next)
            && ahead(fin, next) > 0
            && fin.wrapping_sub(next) <= WINDOW
        {
            self.skip_to(fin, counts, out);
        }
    }

    /// Keeps of a payload what nothing that waits covers.
    fn keep(&mut self, mut payload: Payload<'_>, counts: &mut SegmentCounts) {
        let mut at = 0;
        let mut covered = false;
        loop {
            let total = length(payload.octets).wrapping_add(payload.missing);
            let Some(piece) = self.waiting.get(at) else {
                self.insert(at, payload);
                break;
            };
            let before = ahead(piece.seq, payload.seq);
            let (piece_seq, piece_end) = (piece.seq, piece.end());
            if before > 0 {
                // What lies before that piece is new.
                let room = before.unsigned_abs();
                if room >= total {
                    self.insert(at, payload);
                    break;
                }
                self.insert(at, until(payload, room));
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

    fn insert(&mut self, at: usize, payload: Payload<'_>) {
        if payload.octets.is_empty() && payload.missing == 0 {
            return;
        }
        self.waiting_octets += payload.octets.len();
        let piece = Piece {
            seq: payload.seq,
            octets: payload.octets.to_vec(),
            missing: payload.missing,
        };
        self.waiting.insert(at, piece);
    }

    /// Hands on what waits and is in order.
    fn drain(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Stretch<'_>)) {
        let in_order = |half: &Self| {
            let first = half.waiting.first()?;
            (Some(first.seq) == half.next).then_some(())
        };
        while in_order(self).is_some() {
            let Piece {
                octets, missing, ..
            } = self.waiting.remove(0);
            self.waiting_octets -= octets.len();
            self.hand_on(&octets, missing, counts, out);
        }
    }

    fn hand_on(
        &mut self,
        octets: &[u8],
        missing: u32,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Stretch<'_>),
    ) {
        if !octets.is_empty() {
            self.next = self.next.map(|next| next.wrapping_add(length(octets)));
            out(Stretch::Octets(octets));
        }
        if missing > 0
            && let Some(next) = self.next
        {
            self.skip_to(next.wrapping_add(missing), counts, out);
        }
    }

    /// Gives up the first hole.
    fn skip(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Stretch<'_>)) {
        if let Some(first) = self.waiting.first() {
            self.skip_to(first.seq, counts, out);
        }
        self.drain(counts, out);
    }

    fn skip_to(&mut self, seq: u32, counts: &mut SegmentCounts, out: &mut dyn FnMut(Stretch<'_>)) {
        let lost = self.next.map_or(0, |next| seq.wrapping_sub(next));
        self.next = Some(seq);
        if lost > 0 {
            counts.holes += 1;
            counts.lost += u64::from(lost);
            out(Stretch::Hole(lost));
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
    }
}
