//! The text of a message is passed over without being kept: only its end counts (RFC 5321
//! section 4.1.1.4).

/// Where in a line the text stands. A line ends with CRLF; or with LF alone where the client
/// ends its commands so too. Of others a dot between bare LFs is not the end: servers that take
/// it for one let people smuggle mail in the text of another.
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
    /// Behind a CR there.
    Cr,
}

impl Text {
    /// Passes over text; what lies behind its end, if that was there. `bare_lf`: LF alone ends
    /// a line too.
    pub(super) fn skip<'a>(&mut self, octets: &'a [u8], bare_lf: bool) -> Option<&'a [u8]> {
        let mut rest = octets;
        loop {
            if *self == Self::Inside {
                let Some(end) = memchr::memchr(b'\n', rest) else {
                    if rest.ends_with(b"\r") {
                        *self = Self::Cr;
                    }
                    return None;
                };
                let (line, behind) = rest.split_at_checked(end + 1)?;
                rest = behind;
                if bare_lf || line.ends_with(b"\r\n") {
                    *self = Self::Start;
                }
                continue;
            }
            let (first, behind) = rest.split_first()?;
            *self = match (*self, first) {
                (Self::DotCr, b'\n') => {
                    *self = Self::Start;
                    return Some(behind);
                }
                (Self::Dot, b'\n') if bare_lf => {
                    *self = Self::Start;
                    return Some(behind);
                }
                (Self::Cr, b'\n') => Self::Start,
                (Self::Start, b'\n') if bare_lf => Self::Start,
                (Self::Start, b'.') => Self::Dot,
                (Self::Dot, b'\r') => Self::DotCr,
                (_, b'\r') => Self::Cr,
                _ => Self::Inside,
            };
            rest = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many octets the text takes, cut at each place.
    fn length(text: &[u8], bare_lf: bool) -> Option<usize> {
        let mut state = Text::default();
        let whole = state
            .skip(text, bare_lf)
            .map(|rest| text.len() - rest.len());
        for cut in 0..text.len() {
            let (first, second) = text.split_at(cut);
            let mut state = Text::default();
            let rest = match state.skip(first, bare_lf) {
                Some(rest) => Some(rest.len() + second.len()),
                None => state.skip(second, bare_lf).map(<[u8]>::len),
            };
            assert_eq!(rest.map(|rest| text.len() - rest), whole, "cut at {cut}");
        }
        whole
    }

    #[test]
    fn ends() {
        // With CRLF alone, and with LF as well.
        for (text, strict, lenient) in [
            (&b".\r\nQUIT"[..], Some(3), Some(3)),
            (b"a\r\n.\r\nQUIT\r\n", Some(6), Some(6)),
            (b"a\n.\nQUIT", None, Some(4)),
            (b"a\n.\r\nQUIT", None, Some(5)),
            (b"a\r\n.\nQUIT", None, Some(5)),
            (b"a\n.\r\nb\r\n.\r\n", Some(11), Some(5)),
            (b"\r\n\r\n.\r\n", Some(7), Some(7)),
            (b"\n.\n", None, Some(3)),
            (b"a\r\n..\r\n.b\r\n.\r\r\n .\r\n", None, None),
            (b"a.\r\nb\r.\r\n", None, None),
            (b"..\r\n.\r\n", Some(7), Some(7)),
            (b".\r.\r\n.\r\n", Some(8), Some(8)),
            (b"a\r\r\n.\r\n", Some(7), Some(7)),
            (b"a\r\n.", None, None),
            (b"a\r\n.\r", None, None),
        ] {
            assert_eq!(length(text, false), strict, "{}", text.escape_ascii());
            assert_eq!(length(text, true), lenient, "{}", text.escape_ascii());
        }
    }
}
