//! Messages of the DNS in a TCP stream: each stands behind its length in two octets
//! (RFC 1035 section 4.2.2).
//!
//! A hole within a message does no harm to those behind it: where the message ends is known
//! by its length. A hole that takes octets of a length does, and then a segment is waited for
//! that begins a message; those before it are not read.

use super::{HEADER, decode};
use crate::decode::reader::Reader;

/// Octets before a message.
const PREFIX: usize = 2;

/// One direction of a connection. What arrives whole is borrowed; only pieces are kept, a
/// message's length of 65,535 octets at the most.
#[derive(Debug)]
pub struct Framing {
    /// A length and its message, as far as they came.
    kept: Vec<u8>,
    /// So many octets are still to come of a message that was told as incomplete.
    passing: usize,
    /// Whether the next octet, behind those, is known to begin a length.
    in_step: bool,
}

impl Framing {
    /// Of a connection seen from its beginning, or not.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        Self {
            kept: Vec::new(),
            passing: 0,
            in_step: from_start,
        }
    }

    /// Octets that are kept.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.kept.len()
    }

    /// Takes octets in, which begin where a segment began or behind a hole; hands on each
    /// message, and whether it is incomplete.
    pub fn octets(&mut self, octets: &[u8], out: &mut dyn FnMut(&[u8], bool)) {
        if !self.in_step {
            // Clients begin a segment with a message nearly always. What is none is passed
            // over, and the next segment tried.
            if !begins_message(octets) {
                return;
            }
            self.in_step = true;
        }
        let passed = self.passing.min(octets.len());
        self.passing -= passed;
        let mut rest = octets.get(passed..).unwrap_or_default();
        while !rest.is_empty() {
            if self.kept.is_empty() {
                let mut reader = Reader::new(rest);
                let message = reader.u16().and_then(|length| reader.take(length.into()));
                let Some(message) = message else {
                    self.kept.extend_from_slice(rest);
                    return;
                };
                out(message, false);
                rest = reader.rest();
            } else {
                let wanted = Reader::new(&self.kept).u16();
                let whole = wanted.map_or(PREFIX, |length| PREFIX + usize::from(length));
                let (part, behind) =
                    rest.split_at(rest.len().min(whole.saturating_sub(self.kept.len())));
                self.kept.extend_from_slice(part);
                rest = behind;
                if wanted.is_some() && self.kept.len() >= whole {
                    out(self.kept.get(PREFIX..).unwrap_or_default(), false);
                    self.kept.clear();
                }
            }
        }
        // A length of zero is complete as soon as it is there.
        if self.kept == [0, 0] {
            out(&[], false);
            self.kept.clear();
        }
    }

    /// So many octets are missing; `None` where nobody knows how many. Hands on what there is
    /// of a message.
    pub fn gap(&mut self, missing: Option<u32>, out: &mut dyn FnMut(&[u8], bool)) {
        self.cut(out);
        let missing = missing.and_then(|missing| usize::try_from(missing).ok());
        match missing.and_then(|missing| self.passing.checked_sub(missing)) {
            Some(passing) if self.in_step => self.passing = passing,
            _ => {
                self.passing = 0;
                self.in_step = false;
            }
        }
    }

    /// Hands on what there is of a message, and keeps no octet of it; what is still to come of
    /// it is passed over.
    pub fn cut(&mut self, out: &mut dyn FnMut(&[u8], bool)) {
        let kept = std::mem::take(&mut self.kept);
        let Some((length, message)) = kept.split_first_chunk::<PREFIX>() else {
            // Half a length tells nothing.
            self.in_step &= kept.is_empty();
            return;
        };
        self.passing = usize::from(u16::from_be_bytes(*length)).saturating_sub(message.len());
        if message.len() >= HEADER {
            out(message, true);
        }
    }
}

/// Whether a length and a message seem to begin here.
fn begins_message(octets: &[u8]) -> bool {
    let mut reader = Reader::new(octets);
    let Some(length) = reader.u16().map(usize::from) else {
        return false;
    };
    let rest = reader.rest();
    let message = rest.get(..length).unwrap_or(rest);
    // A root name, a type and a class make the shortest question.
    if length < HEADER + 5 {
        return false;
    }
    let Ok(message) = decode(message) else {
        return false;
    };
    let header = message.header;
    // The opcodes that are assigned, and one question, as all programs send it.
    let [questions, ..] = header.counts;
    let shape = matches!(header.opcode(), 0..=2 | 4..=6) && questions == 1;
    shape && (message.damage.is_none() || length > rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A query of so many octets.
    fn query(label: &[u8]) -> Vec<u8> {
        let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label);
        message.extend_from_slice(&[0, 0, 1, 0, 1]);
        let length = u16::try_from(message.len()).unwrap();
        [&length.to_be_bytes()[..], &message].concat()
    }

    fn heard(framing: &mut Framing, segments: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut heard = Vec::new();
        for segment in segments {
            framing.octets(segment, &mut |message, cut| {
                heard.push((message.to_vec(), cut));
            });
        }
        heard
    }

    proptest! {
        #[test]
        fn any_segments_say_the_same(
            labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..63), 1..6),
            cuts in proptest::collection::vec(0_usize..400, 0..12),
        ) {
            let messages: Vec<_> = labels.iter().map(|label| query(label)).collect();
            let stream = messages.concat();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let segments: Vec<_> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let expected: Vec<_> = messages.iter().map(|m| (m[2..].to_vec(), false)).collect();
            let mut framing = Framing::new(true);
            prop_assert_eq!(heard(&mut framing, &segments), expected);
            prop_assert_eq!(framing.waiting(), 0);
        }

        #[test]
        fn any_octets_are_kept_within_bounds(
            segments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 0..60),
            from_start: bool,
        ) {
            let mut framing = Framing::new(from_start);
            for segment in &segments {
                framing.octets(segment, &mut |message, _| assert!(message.len() <= 65_535));
                prop_assert!(framing.waiting() <= 65_537);
            }
        }
    }

    /// A stream in which these octets are missing, and what is heard of it.
    fn heard_with_hole(
        segments: &[&[u8]],
        hole: std::ops::Range<usize>,
        known: bool,
    ) -> Vec<(Vec<u8>, bool)> {
        let mut framing = Framing::new(true);
        let mut heard = Vec::new();
        let mut out = |message: &[u8], cut: bool| heard.push((message.to_vec(), cut));
        let mut at = 0;
        for segment in segments {
            let place = |octet: usize| octet.clamp(at, at + segment.len()) - at;
            let (from, to) = (place(hole.start), place(hole.end));
            framing.octets(&segment[..from], &mut out);
            if from < to {
                let missing = u32::try_from(to - from).unwrap();
                framing.gap(known.then_some(missing), &mut out);
            }
            framing.octets(&segment[to..], &mut out);
            at += segment.len();
        }
        framing.cut(&mut out);
        assert_eq!(framing.waiting(), 0);
        heard
    }

    #[test]
    fn behind_a_hole_within_a_message_the_next_is_read_wherever_it_begins() {
        let messages = [query(b"aaaaaaaaaaaa"), query(b"b"), query(b"cc")];
        let whole = |at: usize| (messages[at][PREFIX..].to_vec(), false);
        let stream = messages.concat();
        let first = messages[0].len();
        for from in PREFIX..first {
            for to in from + 1..=first {
                let mut expected = vec![whole(1), whole(2)];
                if from - PREFIX >= HEADER {
                    expected.insert(0, (stream[PREFIX..from].to_vec(), true));
                }
                assert_eq!(heard_with_hole(&[&stream], from..to, true), expected);
                // The message behind the hole is over two segments.
                let (a, b) = stream.split_at(first + 9);
                assert_eq!(heard_with_hole(&[a, b], from..to, true), expected);
            }
        }
    }

    #[test]
    fn behind_a_hole_over_a_length_a_segment_that_begins_a_message_is_in_step_again() {
        let messages = [query(b"a"), query(b"b"), query(b"c"), query(b"d")];
        let whole = |at: usize| (messages[at][PREFIX..].to_vec(), false);
        let segments: Vec<_> = messages.iter().map(|message| &message[..]).collect();
        let length = messages[0].len();
        // Over the end of the first, and of the second all, a part, or its length's half.
        for to in [2 * length, 2 * length - 3, length + 1] {
            let heard = heard_with_hole(&segments, length - 2..to, true);
            let cut = (messages[0][PREFIX..length - 2].to_vec(), true);
            assert_eq!(heard, [cut, whole(2), whole(3)], "to {to}");
        }
        // Of one length octet alone.
        let heard = heard_with_hole(&segments, length + 1..length + 2, true);
        assert_eq!(heard, [whole(0), whole(2), whole(3)]);
        // Within a message, but nobody knows over how much.
        let heard = heard_with_hole(&segments, 16..17, false);
        let cut = (messages[0][PREFIX..16].to_vec(), true);
        assert_eq!(heard, [cut, whole(1), whole(2), whole(3)]);
    }

    #[test]
    fn what_is_given_up_for_want_of_room_is_passed_over() {
        let messages = [query(b"aaaaaaaaaaaa"), query(b"b")];
        let (head, tail) = messages[0].split_at(20);
        let mut framing = Framing::new(true);
        let mut told = Vec::new();
        let mut out = |message: &[u8], cut: bool| told.push((message.len(), cut));
        framing.octets(head, &mut out);
        framing.cut(&mut out);
        assert_eq!(framing.waiting(), 0);
        framing.octets(&[tail, &messages[1]].concat(), &mut out);
        assert_eq!(told, [(18, true), (messages[1].len() - PREFIX, false)]);
    }

    #[test]
    fn in_the_middle_what_is_no_message_is_passed_over() {
        let mut framing = Framing::new(false);
        assert_eq!(heard(&mut framing, &[b"GET / HTTP/1.1\r\n", b"\0\0"]), []);
        assert_eq!(heard(&mut framing, &[&query(b"mail")]).len(), 1);
    }

    #[test]
    fn an_empty_message_is_one() {
        let mut framing = Framing::new(true);
        assert_eq!(heard(&mut framing, &[b"\0", b"\0", b"\0\0"]).len(), 2);
    }
}
