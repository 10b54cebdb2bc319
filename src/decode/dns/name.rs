//! Domain names in a DNS message: labels, lengths, compression (RFC 1035 section 4.1.4).

use crate::decode::malformed::Malformed;
use crate::decode::reader::Reader;

/// Octets of a name at most, length octets and the root's included (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 255;

/// Compression pointers that one name may follow. A writer that compresses needs one; more
/// than the 127 labels that fit in a name make no sense, and a bound keeps a message of
/// pointers from costing its length squared.
const MAX_POINTERS: usize = 127;

/// A checked name, borrowed from its message.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    message: &'a [u8],
    start: usize,
    wire_len: usize,
    pointers: usize,
}

impl<'a> Name<'a> {
    /// Reads the name at the reader's place in `message` and moves the reader behind it.
    ///
    /// # Errors
    /// Says what breaks the name; the reader's place is then of no use.
    #[inline]
    pub fn read(message: &'a [u8], reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let Some(name) = Self::plain(message, reader.offset()) else {
            return Self::walk(message, reader);
        };
        *reader = Reader::at(message, name.start + name.wire_len);
        Ok(name)
    }

    /// The name at `start`, where it has no pointers and is right, as that of nearly every question
    /// is; what [`Self::walk`] finds.
    #[inline]
    fn plain(message: &'a [u8], start: usize) -> Option<Self> {
        let rest = message.get(start..)?;
        // Beyond this the root would come too late.
        let rest = rest.get(..MAX_NAME).unwrap_or(rest);
        let mut at = 0;
        loop {
            match *rest.get(at)? {
                0 => break,
                length @ 1..=63 => at += 1 + usize::from(length),
                _ => return None,
            }
        }
        Some(Self {
            message,
            start,
            wire_len: at + 1,
            pointers: 0,
        })
    }

    /// Reads any name, label by label.
    fn walk(message: &'a [u8], reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let start = reader.offset();
        let mut rest = reader.rest();
        let mut wire_len = 0;
        let mut pointers = 0;
        // A pointer must go before the place where this stretch of the name began, so no
        // loop can be written.
        let mut stretch = start;
        loop {
            let (&length, behind) = rest.split_first().ok_or(Malformed::DnsNameOverrun)?;
            match length {
                0 => {
                    wire_len += 1;
                    break;
                }
                1..=63 => {
                    let length = usize::from(length);
                    rest = behind.get(length..).ok_or(Malformed::DnsNameOverrun)?;
                    wire_len += 1 + length;
                    if wire_len >= MAX_NAME {
                        return Err(Malformed::DnsNameLength);
                    }
                }
                0xc0.. => {
                    let (&low, behind) = behind.split_first().ok_or(Malformed::DnsNameOverrun)?;
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    if pointers == 0 {
                        *reader = Reader::at(message, message.len() - behind.len());
                    }
                    pointers += 1;
                    if target >= stretch || pointers > MAX_POINTERS {
                        return Err(Malformed::DnsPointer);
                    }
                    stretch = target;
                    rest = message.get(target..).unwrap_or_default();
                }
                _ => return Err(Malformed::DnsLabelType),
            }
        }
        if pointers == 0 {
            *reader = Reader::at(message, start + wire_len);
        }
        Ok(Self {
            message,
            start,
            wire_len,
            pointers,
        })
    }

    /// This name once more, where all that stands at the reader's place is a pointer to it, as in
    /// most records; then moves the reader behind that. Spares the walk along its labels.
    #[inline]
    pub(super) fn repeated(&self, reader: &mut Reader<'a>) -> Option<Self> {
        let mut behind = *reader;
        let pointer = behind.u16()?.checked_sub(0xc000)?;
        // By these bounds `read` finds the same, or what is wrong with it.
        let is_it = usize::from(pointer) == self.start
            && self.start < reader.offset()
            && self.pointers < MAX_POINTERS;
        let name = Self {
            start: reader.offset(),
            pointers: self.pointers + 1,
            ..*self
        };
        *reader = if is_it { behind } else { *reader };
        is_it.then_some(name)
    }

    /// Whether a pointer leads to this name, or to one of its labels: what stands there is right,
    /// as this name is. Of a name that has pointers itself that is not said.
    #[inline]
    pub(super) fn is_led_to(&self, pointer: u16) -> bool {
        let target = usize::from(pointer & 0x3fff);
        let end = self.start + self.wire_len;
        let mut at = self.start;
        while at < target && at < end {
            at += 1 + usize::from(self.message.get(at).copied().unwrap_or(0));
        }
        pointer >= 0xc000 && at == target && at < end && self.pointers == 0
    }

    /// Passes over the name at the reader's place by its form alone: where a name cannot be
    /// read, what stands behind it often can.
    pub fn skip(reader: &mut Reader<'a>) -> Option<()> {
        loop {
            match reader.u8()? {
                0 => return Some(()),
                length @ 1..=63 => reader.skip(length.into())?,
                0xc0.. => return reader.skip(1),
                _ => return None,
            }
        }
    }

    /// Length of the name without compression, the root's octet included: 1 to 255.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.wire_len
    }

    /// Compression pointers that were followed to read it.
    #[must_use]
    pub fn pointers(&self) -> usize {
        self.pointers
    }

    /// The labels from the first to the last, as they stand on the wire.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let message = self.message;
        let mut cursor = Reader::at(message, self.start);
        std::iter::from_fn(move || {
            // `read` has walked this way before: every pointer leads on to a label or the end.
            loop {
                match cursor.u8()? {
                    0 => return None,
                    length @ 1..=63 => return cursor.take(length.into()),
                    high => {
                        let target = u16::from_be_bytes([high & 0x3f, cursor.u8()?]);
                        cursor = Reader::at(message, target.into());
                    }
                }
            }
        })
    }

    /// The first label; empty for the root.
    #[must_use]
    pub fn first_label(&self) -> &'a [u8] {
        self.labels().next().unwrap_or_default()
    }

    /// Writes the name without compression and in lower case, length octets included, the
    /// root's left out, and returns what was written: the form in which names are compared.
    #[inline]
    pub fn fold<'b>(&self, room: &'b mut Room) -> &'b [u8] {
        let Room(buffer) = room;
        let length = self.wire_len - 1;
        if self.pointers == 0 {
            let end = self.start + length;
            if let (Some(out), Some(octets)) =
                (buffer.get_mut(..length), self.message.get(self.start..end))
            {
                out.copy_from_slice(octets);
            }
        } else {
            let mut rest = &mut buffer[..];
            for label in self.labels() {
                let Some((head, tail)) = rest.split_at_mut_checked(1 + label.len()) else {
                    break;
                };
                if let Some((first, text)) = head.split_first_mut() {
                    // A label's length was checked to be at most 63.
                    *first = u8::try_from(label.len()).unwrap_or(0);
                    text.copy_from_slice(label);
                }
                rest = tail;
            }
        }
        // Length octets are at most 63, below 'A': only letters change. By whole blocks, each of
        // which is an instruction or two.
        let (blocks, _) = buffer.as_chunks_mut::<BLOCK>();
        for block in blocks.iter_mut().take(length.div_ceil(BLOCK)) {
            block.make_ascii_lowercase();
        }
        buffer.get(..length).unwrap_or_default()
    }
}

/// Octets that are folded at once.
const BLOCK: usize = 16;

/// Where a name is folded: room for the longest, in whole blocks.
#[derive(Debug)]
pub struct Room([u8; MAX_NAME.next_multiple_of(BLOCK)]);

impl Default for Room {
    fn default() -> Self {
        Self([0; MAX_NAME.next_multiple_of(BLOCK)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8], at: usize) -> Result<(Vec<Vec<u8>>, usize), Malformed> {
        let mut reader = Reader::at(message, at);
        let name = Name::read(message, &mut reader)?;
        let labels: Vec<_> = name.labels().map(<[u8]>::to_vec).collect();
        let length = 1 + labels.iter().map(|label| label.len() + 1).sum::<usize>();
        assert_eq!(name.wire_len(), length);
        let mut room = Room::default();
        let folded = name.fold(&mut room);
        let mut expected = Vec::new();
        for label in &labels {
            expected.push(u8::try_from(label.len()).unwrap());
            expected.extend(label.to_ascii_lowercase());
        }
        assert_eq!(folded, expected);
        Ok((labels, reader.offset()))
    }

    fn labels(text: &str) -> Vec<Vec<u8>> {
        text.split('.')
            .map(|label| label.as_bytes().to_vec())
            .collect()
    }

    #[test]
    fn plain_and_compressed() {
        //                0           5            10
        let message = b"\x04MaIl\x02Ex\x00\x02mx\xc0\x05\xc0\x09";
        assert_eq!(read(message, 0), Ok((labels("MaIl.Ex"), 9)));
        assert_eq!(read(message, 9), Ok((labels("mx.Ex"), 14)));
        assert_eq!(read(message, 14), Ok((labels("mx.Ex"), 16)));
        assert_eq!(read(b"\x00", 0), Ok((vec![], 1)));
    }

    #[test]
    fn a_plain_name_is_what_the_walk_finds() {
        let long = [[3, b'x', b'x', b'x'].repeat(63).as_slice(), &[1, b'y', 0]].concat();
        let longer = [
            [3, b'x', b'x', b'x'].repeat(63).as_slice(),
            &[2, b'y', b'z', 0],
        ]
        .concat();
        let cases: [&[u8]; 7] = [
            b"\x04MaIl\x02Ex\x00\x00",
            b"\x00",
            b"\x04mail",
            b"\x04mai",
            b"\x04mail\xc0\x00",
            &long,
            &longer,
        ];
        for message in cases {
            let mut reader = Reader::new(message);
            let walked = Name::walk(message, &mut reader);
            match Name::plain(message, 0) {
                Some(name) => {
                    let walked = walked.unwrap();
                    assert_eq!((name.wire_len, name.pointers), (walked.wire_len, 0));
                    assert_eq!(reader.offset(), name.wire_len);
                }
                None => assert!(walked.is_err(), "{message:?}"),
            }
        }
        assert!(Name::plain(&long, 0).is_some() && Name::plain(&longer, 0).is_none());
    }

    #[test]
    fn a_name_once_more_is_what_the_walk_finds() {
        //                0         5        9       11
        let message = b"\x04mail\x02ex\x00\xc0\x00\xc0\x05\x04mail";
        let name = Name::read(message, &mut Reader::new(message)).unwrap();
        let mut walked = Reader::at(message, 9);
        let expected = Name::read(message, &mut walked).unwrap();
        let mut reader = Reader::at(message, 9);
        let again = name.repeated(&mut reader).unwrap();
        assert_eq!(reader.offset(), walked.offset());
        assert_eq!(
            (again.wire_len, again.pointers, again.start),
            (expected.wire_len, expected.pointers, expected.start)
        );
        assert!(again.labels().eq(expected.labels()));
        let led = (0..=u16::MAX).filter(|pointer| name.is_led_to(*pointer));
        assert_eq!(led.collect::<Vec<_>>(), [0xc000, 0xc005, 0xc008]);
        assert!(!again.is_led_to(0xc000));
        // Elsewhere, no pointer, a pointer to itself, the end.
        for at in [11, 13, 0, message.len()] {
            let mut reader = Reader::at(message, at);
            assert!(name.repeated(&mut reader).is_none(), "{at}");
            assert_eq!(reader.offset(), at);
        }
        // Where there are as many pointers as there may be, the walk says so.
        let most = Name {
            pointers: MAX_POINTERS,
            ..name
        };
        assert!(most.repeated(&mut Reader::at(message, 9)).is_none());
    }

    #[test]
    fn pointers_only_go_back() {
        assert_eq!(read(b"\xc0\x00", 0).unwrap_err(), Malformed::DnsPointer);
        assert_eq!(read(b"\xc0\x02\x00", 0).unwrap_err(), Malformed::DnsPointer);
        // a, then a pointer to the a: a loop, if it were followed.
        assert_eq!(
            read(b"\x01a\xc0\x00", 0).unwrap_err(),
            Malformed::DnsPointer
        );
        // A pointer into the middle of its own stretch.
        assert_eq!(
            read(b"\x00\x01a\x01b\xc0\x03", 1).unwrap_err(),
            Malformed::DnsPointer
        );
    }

    #[test]
    fn a_long_chain_of_pointers_ends() {
        let mut message = vec![0];
        let mut last = 0_u16;
        for _ in 0..=MAX_POINTERS {
            let at = u16::try_from(message.len()).unwrap();
            message.extend((0xc000 | last).to_be_bytes());
            last = at;
        }
        let at = message.len() - 2;
        assert_eq!(read(&message, at).unwrap_err(), Malformed::DnsPointer);
        assert_eq!(read(&message, at - 2), Ok((vec![], at)));
    }

    #[test]
    fn limits() {
        let mut longest = Vec::new();
        for _ in 0..3 {
            longest.push(63);
            longest.extend([b'x'; 63]);
        }
        longest.push(61);
        longest.extend([b'x'; 61]);
        longest.push(0);
        assert_eq!(longest.len(), 255);
        assert_eq!(read(&longest, 0).unwrap().1, 255);
        longest[192] = 62;
        longest.insert(200, b'x');
        assert_eq!(read(&longest, 0).unwrap_err(), Malformed::DnsNameLength);
        assert_eq!(read(b"\x40a\x00", 0).unwrap_err(), Malformed::DnsLabelType);
        assert_eq!(read(b"\x80a\x00", 0).unwrap_err(), Malformed::DnsLabelType);
        for cut in [&b""[..], b"\x05mai", b"\x04mail", b"\xc0"] {
            assert_eq!(read(cut, 0).unwrap_err(), Malformed::DnsNameOverrun);
        }
    }
}
