//! The text of a message is passed over without being kept: only its end counts (RFC 5321
//! section 4.1.1.4).

/// Where in a line the text stands. A line ends with CRLF or LF: servers differ in whether
/// they take a dot between bare LFs for the end, and who sends one means the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Text {
    /// At the start of a line.
    #[default]
    Start,
    /// Behind a dot that starts a line.
    Dot,
    /// Behind a dot that starts a line, and CR.
    DotCr,
    /// Within a line, or where that is not known.
    Inside,
}

impl Text {
    /// Passes over text; what lies behind its end, if that was there.
    pub(super) fn skip<'a>(&mut self, octets: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = octets;
        loop {
            if *self == Self::Inside {
                let line = memchr::memchr(b'\n', rest)?;
                (_, rest) = rest.split_at_checked(line + 1)?;
                *self = Self::Start;
            }
            let (first, behind) = rest.split_first()?;
            *self = match (*self, first) {
                (Self::Dot | Self::DotCr, b'\n') => {
                    *self = Self::Start;
                    return Some(behind);
                }
                (Self::Start, b'.') => Self::Dot,
                (Self::Start, b'\n') => Self::Start,
                (Self::Dot, b'\r') => Self::DotCr,
                _ => Self::Inside,
            };
            // An LF is behind us only by the arms above: `DotCr` and `Dot` with LF returned.
            rest = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many octets the text takes, cut at each place.
    fn length(text: &[u8]) -> Option<usize> {
        let mut state = Text::default();
        let whole = state.skip(text).map(|rest| text.len() - rest.len());
        for cut in 0..text.len() {
            let (first, second) = text.split_at(cut);
            let mut state = Text::default();
            let rest = match state.skip(first) {
                Some(rest) => Some(rest.len() + second.len()),
                None => state.skip(second).map(<[u8]>::len),
            };
            assert_eq!(rest.map(|rest| text.len() - rest), whole, "cut at {cut}");
        }
        whole
    }

    #[test]
    fn ends() {
        for (text, end) in [
            (&b".\r\nQUIT"[..], Some(3)),
            (b"a\r\n.\r\nQUIT\r\n", Some(6)),
            (b"a\n.\nQUIT", Some(4)),
            (b"a\n.\r\nQUIT", Some(5)),
            (b"a\r\n.\nQUIT", Some(5)),
            (b"\r\n\r\n.\r\n", Some(7)),
            (b"\n.\n", Some(3)),
            (b"a\r\n..\r\n.b\r\n.\r\r\n .\r\n", None),
            (b"a.\r\nb\r.\r\n", None),
            (b"..\r\n.\r\n", Some(7)),
            (b".\r.\r\n.\r\n", Some(8)),
            (b"a\r\n.", None),
            (b"a\r\n.\r", None),
        ] {
            assert_eq!(length(text), end, "{}", text.escape_ascii());
        }
    }
}
