//! Datagrams put together from their fragments, of both versions of IP, with bounds.
//!
//! Where fragments overlap, the copy that came first wins: what a second one says differently
//! is not read (docs/decisions/0006). etherparse's `IpDefragBuf` lets the last one win, and
//! takes room up to a fragment's offset, so that eight octets hold 64 KiB; hence our own.
//!
//! Time is packet time, and all is done by the thread that reads frames, so that the outcome
//! does not depend on the number of workers.

use super::ip::{Ip, Part};
use super::malformed::Malformed;
use super::packet::{Context, Sliced, resume, slice};
use crate::capture::Frame;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// Datagrams that are waited for, or were whole lately. Beyond, the eldest is given up.
pub const MAX_DATAGRAMS: usize = 4096;
/// Octets that wait, with 64 for each fragment. Beyond, the eldest is given up.
pub const MAX_OCTETS: usize = 16 << 20;
/// What a fragment costs besides its octets, about.
const PIECE: usize = 64;
/// The longest datagram: its length has 16 bits (RFC 791 section 3.1).
const MAX_DATAGRAM: usize = 65_535;
/// How long a datagram is waited for, in nanoseconds. RFC 8200 section 4.5 and RFC 1122 section 3.3.2 give a
/// receiver 60 s, Linux 30 s for IPv4; on a mirror port, fragments are milliseconds apart, and
/// the shorter the wait, the less is mixed where a sender's 16 bits of identification wrap.
pub const PATIENCE: i64 = 30 * NANOS;
/// How long, in nanoseconds, the fragments of a whole datagram are taken for copies of it, which mirror ports
/// make, and not for the beginning of another.
const COPIES: i64 = NANOS;

/// What fragments of one datagram have in common (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) src: HostAddr,
    pub(super) dst: HostAddr,
    id: u32,
    /// Of IPv4 only: the fragments of an IPv6 datagram need not agree in it.
    protocol: u8,
    pub(super) v6: bool,
}

/// A fragment, borrowed from the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    key: Key,
    protocol: u8,
    offset: usize,
    more: bool,
    /// Captured to its end.
    complete: bool,
    payload: &'a [u8],
    context: Context,
}

impl<'a> Fragment<'a> {
    /// # Errors
    /// Where it cannot be a part of any datagram.
    pub(super) fn new(ip: &Ip<'a>, context: Context) -> Result<Self, Malformed> {
        let part: Part = ip.part.ok_or(Malformed::Fragment)?;
        let offset = usize::from(part.offset);
        // Of one that was cut, the length is not known.
        let uneven = part.more && !ip.payload.len().is_multiple_of(8);
        if ip.missing == 0 && (uneven || offset + ip.payload.len() > MAX_DATAGRAM) {
            return Err(Malformed::Fragment);
        }
        Ok(Self {
            key: Key {
                src: ip.src,
                dst: ip.dst,
                id: part.id,
                protocol: if part.v6 { 44 } else { ip.protocol },
                v6: part.v6,
            },
            protocol: ip.protocol,
            offset,
            more: part.more,
            complete: ip.missing == 0,
            payload: ip.payload,
            context,
        })
    }
}

/// A datagram that is whole, and what is known of the frame that completed it.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) key: Key,
    pub(super) protocol: u8,
    pub(super) octets: Vec<u8>,
    pub(super) context: Context,
}

/// What became of a frame, with fragments put together.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// What is in the frame, or in the datagram that it completed; [`Sliced::Fragment`] where
    /// that is not whole yet, [`Sliced::Ignored`] where it was so before.
    pub sliced: Sliced<'a>,
    /// Frames that became part of a whole datagram by this one, itself not counted.
    pub earlier: u64,
    /// Datagrams that this frame made whole: several where fragments carry fragments.
    pub reassembled: u64,
}

/// The datagrams that are waited for.
#[derive(Debug, Default)]
pub struct Fragments {
    datagrams: HashMap<Key, Datagram, foldhash::fast::RandomState>,
    /// In the order in which they came; a number that is not the datagram's is one of before.
    order: VecDeque<(u64, Key)>,
    born: u64,
    octets: usize,
    newest: Timestamp,
    whole: Option<Whole>,
}

#[derive(Debug)]
struct Datagram {
    number: u64,
    begun: Timestamp,
    /// When it was whole; then it has no pieces.
    whole: Option<Timestamp>,
    /// By offset; none overlap.
    pieces: BTreeMap<usize, Vec<u8>>,
    /// What the pieces hold.
    held: usize,
    /// Where the furthest piece ends.
    reach: usize,
    /// Where the last fragment ends.
    end: Option<usize>,
    /// What the first fragment says that it carries.
    protocol: Option<u8>,
    /// Frames that brought it so far.
    frames: u64,
}

impl Fragments {
    /// Reads a frame's headers; a fragment is kept until its datagram is whole.
    #[inline]
    pub fn slice<'a>(&'a mut self, frame: &Frame<'a>) -> Outcome<'a> {
        match slice(frame) {
            Sliced::Fragment(fragment) => self.fragment(fragment),
            sliced => Outcome {
                sliced,
                earlier: 0,
                reassembled: 0,
            },
        }
    }

    /// Datagrams and octets that are kept.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        (self.order.len(), self.octets)
    }

    #[cold]
    fn fragment<'a>(&'a mut self, fragment: Fragment<'a>) -> Outcome<'a> {
        let mut outcome = Outcome {
            sliced: Sliced::Fragment(fragment),
            earlier: 0,
            reassembled: 0,
        };
        let mut added = self.add(&fragment);
        loop {
            match added {
                Added::Waits => return outcome,
                Added::Copy => {
                    outcome.sliced = Sliced::Ignored;
                    return outcome;
                }
                Added::Whole(whole, earlier) => {
                    outcome.earlier += earlier;
                    outcome.reassembled += 1;
                    // What was carried may be a fragment again, of an inner datagram. Each
                    // time it is a layer deeper, so this ends.
                    if let Sliced::Fragment(inner) = resume(&whole) {
                        added = self.add(&inner);
                        continue;
                    }
                    let whole = self.whole.insert(whole);
                    outcome.sliced = resume(whole);
                    return outcome;
                }
            }
        }
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> Added {
        let now = fragment.context.time();
        self.newest = if self.order.is_empty() {
            now
        } else {
            self.newest.max(now)
        };
        self.give_up_old();
        // A part of a fragment is none: where it ends is not known, and what stands there.
        if !fragment.complete {
            return Added::Waits;
        }
        let (number, key) = (self.born, fragment.key);
        let datagram = match self.datagrams.entry(key) {
            Entry::Occupied(entry) => {
                let datagram = entry.into_mut();
                match datagram.whole {
                    Some(whole) if now.nanos_since(whole) <= COPIES => return Added::Copy,
                    Some(_) => *datagram = Datagram::new(number, now),
                    None => {}
                }
                datagram
            }
            Entry::Vacant(entry) => entry.insert(Datagram::new(number, now)),
        };
        if datagram.number == number {
            self.born += 1;
            self.order.push_back((number, key));
        }
        let before = datagram.cost();
        datagram.put(fragment);
        self.octets += datagram.cost() - before;
        if let Some(protocol) = datagram.protocol
            && datagram.is_whole()
        {
            self.octets -= datagram.cost();
            let (octets, frames) = datagram.close(now);
            let context = fragment.context;
            let whole = Whole {
                key,
                protocol,
                octets,
                context,
            };
            return Added::Whole(whole, frames - 1);
        }
        while self.order.len() > MAX_DATAGRAMS || self.octets > MAX_OCTETS {
            self.forget_eldest();
        }
        Added::Waits
    }

    fn give_up_old(&mut self) {
        while let Some((number, key)) = self.order.front() {
            let eldest = self.datagrams.get(key);
            let eldest = eldest.filter(|datagram| datagram.number == *number);
            let waits = |datagram: &Datagram| self.newest.nanos_since(datagram.begun) <= PATIENCE;
            if eldest.is_some_and(waits) {
                return;
            }
            self.forget_eldest();
        }
    }

    fn forget_eldest(&mut self) {
        if let Some((number, key)) = self.order.pop_front()
            && let Entry::Occupied(entry) = self.datagrams.entry(key)
            && entry.get().number == number
        {
            self.octets -= entry.remove().cost();
        }
    }
}

enum Added {
    Waits,
    Copy,
    /// And the frames that brought it before this one.
    Whole(Whole, u64),
}

impl Datagram {
    fn new(number: u64, begun: Timestamp) -> Self {
        Self {
            number,
            begun,
            whole: None,
            pieces: BTreeMap::new(),
            held: 0,
            reach: 0,
            end: None,
            protocol: None,
            frames: 0,
        }
    }

    /// Keeps what of a fragment is new.
    fn put(&mut self, fragment: &Fragment<'_>) {
        self.frames += 1;
        let start = fragment.offset;
        let mut end = start + fragment.payload.len();
        if start == 0 {
            self.protocol.get_or_insert(fragment.protocol);
        }
        // The first end that is told stands, unless something came before from beyond it.
        if !fragment.more && self.reach <= end {
            self.end.get_or_insert(end);
        }
        end = end.min(self.end.unwrap_or(end));
        // Behind the end of the piece that begins at or before, up to the next piece, and so on.
        let mut at = start;
        while at < end {
            let before = self.pieces.range(..=at).next_back();
            let covered = before.map_or(0, |(offset, piece)| offset + piece.len());
            if covered > at {
                at = covered;
                continue;
            }
            let next = self.pieces.range(at..).next();
            let until = next.map_or(end, |(offset, _)| end.min(*offset));
            let Some(new) = fragment.payload.get(at - start..until - start) else {
                return;
            };
            self.held += new.len();
            self.reach = self.reach.max(until);
            self.pieces.insert(at, new.to_vec());
            at = until;
        }
    }

    fn is_whole(&self) -> bool {
        // Pieces neither overlap nor lie beyond the end.
        self.end == Some(self.held)
    }

    fn cost(&self) -> usize {
        self.held + self.pieces.len() * PIECE
    }

    /// The datagram, whose place remains, to know copies by.
    fn close(&mut self, now: Timestamp) -> (Vec<u8>, u64) {
        let pieces = std::mem::take(&mut self.pieces);
        self.held = 0;
        self.whole = Some(now);
        let pieces: Vec<_> = pieces.into_values().collect();
        (pieces.concat(), self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{LinkType, Origin};
    use crate::decode::malformed::Malformed;
    use proptest::prelude::*;

    /// Octets of an IPv4 fragment of UDP, raw.
    fn fragment(id: u16, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
        let total = u16::try_from(20 + payload.len()).unwrap();
        let place = u16::try_from(offset / 8).unwrap() | if more { 0x2000 } else { 0 };
        let mut octets = vec![0x45, 0];
        for word in [total, id, place, 0x4011, 0] {
            octets.extend(word.to_be_bytes());
        }
        octets.extend([192, 0, 2, 1, 192, 0, 2, 53]);
        octets.extend(payload);
        octets
    }

    /// What becomes of it at that second: the datagram's payload, if it is whole by it.
    fn put(table: &mut Fragments, second: i64, octets: &[u8]) -> Option<Vec<u8>> {
        let outcome = table.slice(&Frame {
            bytes: octets,
            wire_len: u32::try_from(octets.len()).unwrap(),
            time: Timestamp::from_parts(second, 0),
            link: LinkType::RAW,
            origin: Origin::default(),
        });
        match outcome.sliced {
            Sliced::Packet(packet) => Some(packet.payload.to_vec()),
            Sliced::Fragment(_) | Sliced::Ignored => None,
            other => panic!("{other:?}"),
        }
    }

    /// A UDP datagram of `length` octets of payload.
    fn datagram(length: usize) -> Vec<u8> {
        let total = u16::try_from(length + 8).unwrap();
        let mut octets = vec![0x9c, 0x40, 0, 53];
        octets.extend(total.to_be_bytes());
        octets.extend([0, 0]);
        let payload = (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap());
        octets.extend(payload);
        octets
    }

    proptest! {
        #[test]
        fn fragments_in_any_order_are_the_datagram(
            length in 1_usize..600,
            // Where it is cut, in units of eight, and what is sent again with other cuts.
            cuts in prop::collection::btree_set(1_usize..75, 1..12),
            again in prop::collection::vec((0_usize..75, 1_usize..20), 0..6),
            order in any::<u64>(),
        ) {
            let whole = datagram(length);
            let ends: Vec<_> = cuts.iter().map(|cut| cut * 8).filter(|cut| *cut < whole.len()).collect();
            prop_assume!(!ends.is_empty());
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let ends = ends.iter().copied().chain([whole.len()]);
            let mut spans: Vec<_> = starts.zip(ends).collect();
            for (start, units) in again {
                let (start, end) = (start * 8, (start + units) * 8);
                // All of it at once would be no fragment.
                if start < whole.len() && (start, whole.len()) != (0, end.min(whole.len())) {
                    spans.push((start, end.min(whole.len())));
                }
            }
            // A shuffle by a linear congruence.
            let mut state = order;
            for last in (1..spans.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                spans.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
            }
            let mut table = Fragments::default();
            let mut found = None;
            for (start, end) in spans {
                let octets = fragment(7, start, end < whole.len(), &whole[start..end]);
                let told = put(&mut table, 0, &octets);
                prop_assert!(told.is_none() || found.is_none(), "whole once");
                found = found.or(told);
            }
            prop_assert_eq!(found.as_deref(), Some(&whole[8..]));
            prop_assert_eq!(table.kept().1, 0, "nothing waits");
        }
    }

    #[test]
    fn the_first_copy_wins() {
        let whole = datagram(40);
        let mut table = Fragments::default();
        put(&mut table, 0, &fragment(1, 16, true, &whole[16..32]));
        put(
            &mut table,
            0,
            &fragment(1, 0, true, &[&whole[..16], &[0xee; 16]].concat()),
        );
        let found = put(
            &mut table,
            0,
            &fragment(1, 24, false, &[&[0xdd; 8], &whole[32..]].concat()),
        );
        assert_eq!(found.as_deref(), Some(&whole[8..]));
    }

    #[test]
    fn nobody_waits_longer_than_patience() {
        let whole = datagram(40);
        for (second, complete) in [(30, true), (31, false)] {
            let mut table = Fragments::default();
            put(&mut table, 0, &fragment(1, 0, true, &whole[..24]));
            let found = put(&mut table, second, &fragment(1, 24, false, &whole[24..]));
            assert_eq!(found.is_some(), complete);
        }
    }

    #[test]
    fn a_number_is_free_again_when_its_copies_are_past() {
        let whole = datagram(40);
        let mut table = Fragments::default();
        for (second, complete) in [(0, true), (1, false), (3, true)] {
            put(&mut table, second, &fragment(1, 0, true, &whole[..24]));
            let found = put(&mut table, second, &fragment(1, 24, false, &whole[24..]));
            assert_eq!(found.is_some(), complete, "{second}");
        }
    }

    #[test]
    fn the_table_is_bounded_in_datagrams_and_in_octets() {
        let mut table = Fragments::default();
        for id in 0..=u16::MAX {
            put(&mut table, 0, &fragment(id, 65_000, true, &[0; 8]));
            assert!(table.kept().0 <= MAX_DATAGRAMS);
            assert!(
                table.kept().1 <= MAX_DATAGRAMS * (8 + PIECE),
                "no room for what is not there"
            );
        }
        assert_eq!(table.kept().0, MAX_DATAGRAMS);
        let mut table = Fragments::default();
        let large = vec![0; 60_000];
        for id in 0..1000 {
            put(&mut table, 0, &fragment(id, 0, true, &large));
            assert!(table.kept().1 <= MAX_OCTETS);
        }
        assert!(table.kept().1 > MAX_OCTETS - 100_000);
        // The same number again and again: each is a place in the order.
        let whole = datagram(40);
        let mut table = Fragments::default();
        for second in 0..29 {
            put(&mut table, second * 2, &fragment(1, 0, true, &whole[..24]));
            put(
                &mut table,
                second * 2,
                &fragment(1, 24, false, &whole[24..]),
            );
            assert!(table.kept().0 <= 17);
        }
    }

    #[test]
    fn what_cannot_be_a_part_is_malformed() {
        for octets in [
            fragment(1, 0, true, &[0; 12]),
            fragment(1, 65_528, false, &[0; 16]),
        ] {
            let mut table = Fragments::default();
            let outcome = table.slice(&Frame {
                bytes: &octets,
                wire_len: u32::try_from(octets.len()).unwrap(),
                time: Timestamp::default(),
                link: LinkType::RAW,
                origin: Origin::default(),
            });
            assert_eq!(outcome.sliced, Sliced::Malformed(Malformed::Fragment));
        }
    }
}
