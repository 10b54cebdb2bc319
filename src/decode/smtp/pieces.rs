//! Lines out of pieces: a line that lies within one piece is not copied, of others no more
//! than [`MAX_KEPT`] octets are kept.

/// So much of a line is looked at. More than any command but AUTH may have (RFC 5321 section
/// 4.5.3.1.4 and the extensions that make MAIL and RCPT longer).
pub(super) const MAX_KEPT: usize = 2048;

/// A line, or its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// At most its first [`MAX_KEPT`] octets, with its end where that is among them.
    pub(super) head: &'a [u8],
    /// Its length, with its end.
    pub(super) length: usize,
    /// It ends with LF alone.
    pub(super) bare_lf: bool,
}

impl<'a> Line<'a> {
    /// A line that lies in one piece, with its end.
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self {
            head: line.get(..MAX_KEPT).unwrap_or(line),
            length: line.len(),
            bare_lf: line.ends_with(b"\n") && !line.ends_with(b"\r\n"),
        }
    }

    /// Its octets do not go to its end.
    pub(super) fn is_cut(&self) -> bool {
        self.length > self.head.len()
    }

    /// Without its end.
    pub(super) fn content(&self) -> &'a [u8] {
        let content = self.head.strip_suffix(b"\n").unwrap_or(self.head);
        content.strip_suffix(b"\r").unwrap_or(content)
    }
}

/// The first line, with its end, and what is behind it; `None` where its end has not come.
pub(super) fn split_line(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', octets)?;
    octets.split_at_checked(end + 1)
}

/// What is behind a line whose start was missed; `None` where its end has not come.
pub(super) fn behind_line(octets: &[u8]) -> Option<&[u8]> {
    split_line(octets).map(|(_, behind)| behind)
}

/// The beginning of a line whose end has not come.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    kept: Vec<u8>,
    length: usize,
    last: u8,
    bare_lf: bool,
}

impl Pieces {
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// One piece more of the same line.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let room = MAX_KEPT.saturating_sub(self.kept.len());
        self.kept.extend(piece.iter().take(room));
        self.length = self.length.saturating_add(piece.len());
        if let [.., last] = piece {
            let before = match piece {
                [.., before, _] => *before,
                _ => self.last,
            };
            self.bare_lf = *last == b'\n' && before != b'\r';
            self.last = *last;
        }
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.length = 0;
        self.last = 0;
        self.bare_lf = false;
    }

    pub(super) fn line(&self) -> Line<'_> {
        Line {
            head: &self.kept,
            length: self.length,
            bare_lf: self.bare_lf,
        }
    }

    /// Octets that are kept.
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Asks of the first octets of the line, the pending and the new.
    pub(super) fn begins_with(
        &self,
        octets: &[u8],
        ask: impl FnOnce(&[u8]) -> Option<bool>,
    ) -> Option<bool> {
        let mut first = [0; 4];
        let all = self.kept.iter().chain(octets);
        let mut length = 0;
        for (place, octet) in first.iter_mut().zip(all) {
            *place = *octet;
            length += 1;
        }
        ask(first.get(..length).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_pieces_as_whole() {
        let long = [vec![b'x'; MAX_KEPT + 9], b"\r\n".to_vec()].concat();
        for line in [&b"QUIT\r\n"[..], b"QUIT\n", b"\n", b"\r\n", &long] {
            let whole = Line::new(line);
            let mut pieces = Pieces::default();
            for octet in line {
                pieces.push(&[*octet]);
            }
            let joined = pieces.line();
            assert_eq!(joined.head, whole.head);
            assert_eq!(joined.length, whole.length);
            assert_eq!(joined.bare_lf, whole.bare_lf);
            assert!(pieces.kept() <= MAX_KEPT);
        }
        assert_eq!(Line::new(b"QUIT\r\n").content(), b"QUIT");
        assert!(Line::new(&long).is_cut());
    }
}
