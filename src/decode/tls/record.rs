//! The records of one direction (RFC 8446 section 5.1), found by their headers: types and
//! lengths. Uses [`Reader`] only.

use crate::decode::reader::Reader;

/// Handshake messages.
pub const HANDSHAKE: u8 = 22;
/// Application data, and in TLS 1.3 everything else that is encrypted.
pub const APPLICATION_DATA: u8 = 23;
/// Length of a record's header.
const HEADER: usize = 5;
/// Largest body: 2^14 octets and what encryption may add to them in TLS 1.2 (RFC 5246
/// section 6.2.3).
const MAX_BODY: u16 = (1 << 14) + 2048;

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it carries.
    pub kind: u8,
    /// Length of its body.
    pub length: u16,
}

impl Header {
    /// Reads a header; `None` where the octets cannot be one.
    fn read(octets: [u8; HEADER]) -> Option<Self> {
        let mut reader = Reader::new(&octets);
        let kind = reader.u8()?;
        let version = reader.u16()?;
        let length = reader.u16()?;
        let sound = (20..=24).contains(&kind) && version >> 8 == 3 && length <= MAX_BODY;
        sound.then_some(Self { kind, length })
    }
}

/// Whether a direction whose next octets are these goes on in TLS; `None` where they are too
/// few to say.
#[must_use]
pub fn begins(octets: &[u8], kinds: std::ops::RangeInclusive<u8>) -> Option<bool> {
    let mut octets = octets.iter();
    let tests: [&dyn Fn(u8) -> bool; 3] = [
        &|kind| kinds.contains(&kind),
        &|major| major == 3,
        &|minor| minor <= 4,
    ];
    for test in tests {
        if !test(*octets.next()?) {
            return Some(false);
        }
    }
    Some(true)
}

/// What the walk comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// A record begins.
    Begins(Header),
    /// A piece of the body of the record that began last, of this type.
    Body(u8, &'a [u8]),
    /// Octets of such a body that are missing.
    Missing(u8),
    /// No record can be found any more. Said once, and nothing else after it.
    Lost,
}

/// Walks over the records of one direction.
#[derive(Debug, Default)]
pub struct Records {
    header: [u8; HEADER],
    /// So much of the header is there.
    have: usize,
    kind: u8,
    /// So much of the body is still to come.
    left: u16,
    lost: bool,
}

impl Records {
    /// The next octets.
    pub fn octets(&mut self, octets: &[u8], each: &mut dyn FnMut(Seen<'_>)) {
        let mut rest = octets;
        while !self.lost {
            if self.left > 0 {
                let length = rest.len().min(usize::from(self.left));
                let (body, behind) = rest.split_at(length);
                rest = behind;
                if body.is_empty() {
                    return;
                }
                // No more than `left`, by the line above.
                self.left -= u16::try_from(length).unwrap_or(self.left);
                each(Seen::Body(self.kind, body));
                continue;
            }
            let Some((first, behind)) = rest.split_first() else {
                return;
            };
            rest = behind;
            if let Some(place) = self.header.get_mut(self.have) {
                *place = *first;
                self.have += 1;
            }
            if self.have == HEADER {
                self.have = 0;
                if let Some(header) = Header::read(self.header) {
                    (self.kind, self.left) = (header.kind, header.length);
                    each(Seen::Begins(header));
                } else {
                    self.lose(each);
                }
            }
        }
    }

    /// So many octets are missing here, or nobody knows how many: those of a body do no harm,
    /// those of a header do.
    pub fn gap(&mut self, missing: Option<u32>, each: &mut dyn FnMut(Seen<'_>)) {
        if self.lost {
            return;
        }
        match missing.map(u16::try_from) {
            Some(Ok(missing)) if missing <= self.left => {
                self.left -= missing;
                each(Seen::Missing(self.kind));
            }
            _ => self.lose(each),
        }
    }

    fn lose(&mut self, each: &mut dyn FnMut(Seen<'_>)) {
        self.lost = true;
        each(Seen::Lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(pieces: &[Result<&[u8], Option<u32>>]) -> String {
        let mut told = Vec::new();
        let mut records = Records::default();
        for piece in pieces {
            let mut each = |seen: Seen<'_>| {
                told.push(match seen {
                    Seen::Begins(header) => format!("{}:{}", header.kind, header.length),
                    Seen::Body(kind, octets) => format!("{kind}+{}", octets.len()),
                    Seen::Missing(kind) => format!("{kind}?"),
                    Seen::Lost => "lost".to_owned(),
                });
            };
            match piece {
                Ok(octets) => records.octets(octets, &mut each),
                Err(missing) => records.gap(*missing, &mut each),
            }
        }
        told.join(" ")
    }

    #[test]
    fn records_over_pieces_and_holes() {
        let one = b"\x16\x03\x01\x00\x03abc\x17\x03\x03\x00\x00\x17\x03\x03\x00\x01z";
        assert_eq!(walk(&[Ok(one)]), "22:3 22+3 23:0 23:1 23+1");
        assert_eq!(
            walk(&[Ok(&one[..4]), Ok(&one[4..6]), Ok(&one[6..])]),
            "22:3 22+1 22+2 23:0 23:1 23+1"
        );
        assert_eq!(
            walk(&[Ok(&one[..6]), Err(Some(2)), Ok(&one[8..])]),
            "22:3 22+1 22? 23:0 23:1 23+1"
        );
        assert_eq!(
            walk(&[Ok(&one[..6]), Err(Some(3)), Ok(&one[9..])]),
            "22:3 22+1 lost"
        );
        assert_eq!(
            walk(&[Ok(&one[..6]), Err(None), Ok(&one[8..])]),
            "22:3 22+1 lost"
        );
        assert_eq!(walk(&[Ok(b"EHLO x")]), "lost");
        assert_eq!(walk(&[Ok(b"\x17\x03\x03\xff\xff")]), "lost");
    }

    #[test]
    fn three_octets_tell() {
        let begins = |octets| begins(octets, HANDSHAKE..=HANDSHAKE);
        assert_eq!(begins(b"\x16\x03"), None);
        assert_eq!(begins(b"\x16\x03\x01\x00"), Some(true));
        assert_eq!(begins(b"\x16\x03\x05"), Some(false));
        assert_eq!(begins(b"\x16\x02"), Some(false));
        assert_eq!(begins(b"E"), Some(false));
    }
}
